# To be sourced. Tells whether what build/ holds was built from the sources as they are now. The `dragon` script asks at each start, so: one fork.
#
# build/lib/ holds
#   jvm.options     all options of the run-time's JVM, as a java @argument file: `java @build/lib/jvm.options dragon.launcher.Main ...`
#   java            the path of the java to run with
#   release         a copy of that JDK's file of that name: with another JDK in its place the build is stale
#   dragon-*.jar    the run-time, named by a hash of what it was built from; jvm.options names the one in use
#   folders         the checkout's place, and each folder that the sources lie in, with its time: the Python package looks at these alone (_build.py)
#   sources         what the build was made from, see dragon_list_sources; written last

# Python's own sources are not among what is built: they are used where they lie.
dragon_modules=(memory channel agent launcher)

# Sets dragon_sources to the checkout's place and the name, size and time of each file that the build in ROOT ($1) is made from.
dragon_list_sources() {
    dragon_source_folders "$1"
    dragon_sources=$1$'\n'$(cd "$1" && find "${folders[@]}" -type f -printf '%p %s %T@\n')
}

# Sets dragon_folders to the checkout's place and the name and time of each folder that those files lie in.
dragon_list_folders() {
    dragon_source_folders "$1"
    dragon_folders=$1$'\n'$(cd "$1" && find "${folders[@]}" -type d -printf '%p %T@\n')
}

dragon_source_folders() {
    local each
    folders=(build-support native)
    for each in "${dragon_modules[@]/%//src/main}"; do
        [[ -d $1/$each ]] && folders+=("$each")
    done
}

# dragon_fresh ROOT: true if the build is good; then dragon_java is the java to run with.
dragon_fresh() {
    local lib=$1/build/lib built
    [[ -r $lib/sources && -r $lib/jvm.options ]] || return 1
    { IFS= read -r dragon_java <"$lib/java"; } 2>/dev/null || return 1
    [[ -z ${DRAGON_JDK:-} || $dragon_java == "$DRAGON_JDK/bin/java" ]] || return 1
    dragon_same_file "$lib/release" "${dragon_java%/bin/java}/release" || return 1
    dragon_list_sources "$1"
    IFS= read -r -d '' built <"$lib/sources"
    [[ $built == "$dragon_sources"$'\n' ]]
}

dragon_same_file() {
    local one= two=
    [[ -r $1 && -r $2 ]] || return 1
    IFS= read -r -d '' one <"$1"
    IFS= read -r -d '' two <"$2"
    [[ $one == "$two" ]]
}
