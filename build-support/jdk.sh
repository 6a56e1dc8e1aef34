# To be sourced. Finds a JDK without running one: each JDK tells its version in a file named `release`.

jdk_needed=25

# Sets version to the version in the `release` file of the Java in $1, or to nothing; tells in major its first number.
jdk_version_of() {
    version= major=0
    local line
    [[ -r $1/release ]] || return 0
    while IFS= read -r line; do
        if [[ $line == JAVA_VERSION=* ]]; then
            version=${line#JAVA_VERSION=}
            version=${version//\"/}
        fi
    done <"$1/release"
    [[ $version =~ ^([0-9]+) ]] && major=${BASH_REMATCH[1]}
    return 0
}

# The places where JDKs are usually put. JAVA_HOME comes last: it often names another Java, for other work.
jdk_candidates() {
    local java
    shopt -s nullglob
    candidates=(
        /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /opt/java/* /opt/*jdk* /opt/* /opt/*/jdk* /usr/local/*jdk* /usr/local/java/*
        "${HOME:-/nowhere}"/.sdkman/candidates/java/* "${HOME:-/nowhere}"/.jdks/* "${HOME:-/nowhere}"/.asdf/installs/java/*
        "${HOME:-/nowhere}"/.local/share/mise/installs/java/* "${HOME:-/nowhere}"/jdk* "${CONDA_PREFIX:-/nowhere}"/lib/jvm
    )
    shopt -u nullglob
    java=$(command -v java) && java=$(readlink -f "$java") && candidates+=("${java%/bin/java}")
    candidates+=("${JAVA_HOME:-}")
}

# Sets jdk to the folder of the JDK to use: DRAGON_JDK where that is set, else the lowest version found that is new enough. Where there is none,
# returns 1 with jdk_error a line that says so.
find_jdk() {
    local candidate version major best=0 seen= seen_major=-1
    jdk= jdk_error=
    if [[ -n ${DRAGON_JDK:-} ]]; then
        if [[ $DRAGON_JDK != /* ]]; then
            jdk_error="DRAGON_JDK=$DRAGON_JDK is no absolute path of a JDK; let it name one (from / on), or unset it"
            return 1
        fi
        jdk_version_of "$DRAGON_JDK"
        if [[ $major -ge $jdk_needed && -x $DRAGON_JDK/bin/javac ]]; then
            jdk=$DRAGON_JDK
            return 0
        fi
        jdk_error="DRAGON_JDK=$DRAGON_JDK is ${version:+Java $version, }not a JDK $jdk_needed or newer; let it name one, or unset it"
        return 1
    fi
    local candidates
    jdk_candidates
    for candidate in "${candidates[@]}"; do
        [[ -n $candidate ]] || continue
        jdk_version_of "$candidate"
        if [[ $major -ge $jdk_needed && -x $candidate/bin/javac && -x $candidate/bin/java ]]; then
            if [[ $best -eq 0 || $major -lt $best ]]; then
                best=$major jdk=$candidate
            fi
        elif [[ -n $version && $major -gt $seen_major ]]; then
            seen="Java $version in $candidate" seen_major=$major
        fi
    done
    [[ -n $jdk ]] && return 0
    [[ $seen_major -ge $jdk_needed ]] && seen+=", which has no javac: it is no JDK"
    jdk_error="no JDK $jdk_needed or newer is installed${seen:+ (found $seen)}; install one (for example the package openjdk-$jdk_needed-jdk"
    jdk_error+=" or temurin-$jdk_needed-jdk, or from https://adoptium.net), or set DRAGON_JDK to its folder"
    return 1
}
