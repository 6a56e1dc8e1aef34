package org.jspecify.annotations;

import java.lang.annotation.ElementType;
import java.lang.annotation.Target;

/** The name of JSpecify's annotation: a value of the type it marks may be null. See {@link NullMarked}. */
@Target(ElementType.TYPE_USE)
public @interface Nullable {}
