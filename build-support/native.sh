# To be sourced. The three things made of C: the keeper and the Python package's extension, over the headers in native/include, and the door through which the agent's JVM calls libc.

# Warnings are the business of ./check, which makes them errors with the compiler it knows; a user's newer compiler may know more of them.
native_flags=(-std=gnu11 -O2 -g -fno-strict-aliasing -Wall)

# Sets compiler to the words of a command: those of CC, which may hold options, or one of the usual. Where there is none, returns 1 with compiler_error a line that says so.
find_compiler() {
    local each
    for each in "${CC:-}" cc gcc clang; do
        read -ra compiler <<<"$each"
        [[ ${#compiler[@]} -gt 0 ]] && command -v -- "${compiler[0]}" >/dev/null && return 0
    done
    compiler_error="no C compiler found (looked for ${CC:+$CC, }cc, gcc, clang); install one (for example: apt install gcc), or set CC"
    return 1
}

# Sets header_folder to the folder of a Python.h of 3.9 or newer. Any will do: the extension keeps to the stable ABI of 3.9. Where there is none, returns 1 with
# header_error a line that says so.
find_python_header() {
    local each home=${HOME:-/nowhere} python
    if python=$(command -v python3); then
        header_folder=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null) || header_folder=
        good_header "$header_folder" && return 0
    fi
    for each in /usr/include/python3.* /usr/local/include/python3.* "${CONDA_PREFIX:-/nowhere}"/include/python3.* \
        "$home"/.pyenv/versions/*/include/python3.* "$home"/.local/share/uv/python/*/include/python3.* /opt/*/include/python3.*; do
        header_folder=$each
        good_header "$each" && return 0
    done
    header_error="no Python.h of Python 3.9 or newer found (looked beside python3 on the PATH, in /usr, pyenv, uv, conda, /opt); install it"
    header_error+=" (for example: apt install python3-dev)"
    return 1
}

good_header() {
    [[ -f $1/Python.h && $1 =~ python3\.([0-9]+)$ && ${BASH_REMATCH[1]} -ge 9 ]]
}

# True if $2 was built from contents with the hash $1.
built_from() {
    local hash=
    [[ -f $2 && -f $root/build/lib/${2##*/}.hash ]] && read -r hash <"$root/build/lib/${2##*/}.hash" && [[ $hash == "$1" ]]
}

# install_built HASH FROM TO
install_built() {
    rm -f "$root/build/lib/${3##*/}.hash"
    mv -f "$2" "$3"
    echo "$1" >"$root/build/lib/${3##*/}.hash"
}

# Sets files to the C files that match the patterns (relative to the checkout).
c_files() {
    local pattern
    shopt -s nullglob
    files=()
    for pattern in "$@"; do
        files+=("$root"/$pattern)
    done
    shopt -u nullglob
}

keeper=$root/build/bin/keeper
calls=$root/build/lib/calls.so
extension=$root/python/dragon/_shm.abi3.so

# Sets keeper_hash, calls_hash and extension_hash, to nothing for what is built from the sources as they are.
native_hashes() {
    local files
    c_files 'native/*.[ch]'
    keeper_hash=$(content_hash native/include native/keeper "${files[@]#"$root/"}" build-support/native.sh)
    calls_hash=$(content_hash native/jvm build-support/native.sh)
    extension_hash=$(content_hash native/include native/python build-support/native.sh)
    built_from "$keeper_hash" "$keeper" && keeper_hash=
    built_from "$calls_hash" "$calls" && calls_hash=
    built_from "$extension_hash" "$extension" && extension_hash=
    return 0
}

build_keeper() {
    local files
    c_files 'native/keeper/*.c' 'native/*.c'
    say "building the keeper (${compiler[0]##*/}) ..."
    run_tool "the C compiler" "${compiler[@]}" "${native_flags[@]}" -ffunction-sections -Wl,--gc-sections -pthread -I"$root/native/include" \
        -o "$tmp/keeper" "${files[@]}"
    install_built "$keeper_hash" "$tmp/keeper" "$keeper"
}

build_calls() {
    say "building the JVM's calls of libc (${compiler[0]##*/}) ..."
    run_tool "the C compiler" "${compiler[@]}" "${native_flags[@]}" -shared -fPIC -o "$tmp/calls.so" "$root/native/jvm/calls.c" -ldl
    install_built "$calls_hash" "$tmp/calls.so" "$calls"
}

build_extension() {
    local files
    c_files 'native/python/*.c'
    say "building the Python extension (${compiler[0]##*/}, Python.h in $header_folder) ..."
    run_tool "the C compiler" "${compiler[@]}" "${native_flags[@]}" -shared -fPIC -fvisibility=hidden -pthread -DPy_LIMITED_API=0x03090000 \
        -I"$root/native/include" \
        -isystem "$header_folder" -o "$tmp/_shm.so" "${files[@]}"
    install_built "$extension_hash" "$tmp/_shm.so" "$extension"
}
