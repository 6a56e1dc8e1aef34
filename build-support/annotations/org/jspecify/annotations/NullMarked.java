package org.jspecify.annotations;

/**
 * The name of JSpecify's annotation: in what it marks, a type without {@link Nullable} holds no null. Declared here for the build of users, which needs neither
 * Maven nor a network; Maven's build takes JSpecify itself. It is not part of the jar.
 */
public @interface NullMarked {}
