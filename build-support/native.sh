# To be sourced. The two things made of C, over the headers in native/include: the keeper and the Python package's extension.

# Warnings are the business of ./check, which makes them errors with the compiler it knows; a user's newer compiler may know more of them.
native_flags=(-std=gnu11 -O2 -g -fno-strict-aliasing -Wall)

find_compiler() {
    local each
    for each in ${CC:-} cc gcc clang; do
        compiler=$(command -v "$each") && return 0
    done
    fail "no C compiler found (looked for ${CC:+$CC, }cc, gcc, clang); install one (for example: apt install gcc), or set CC"
}

# Sets header_folder to the folder of a Python.h of 3.9 or newer. Any will do: the extension keeps to the stable ABI of 3.9.
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
    fail "no Python.h of Python 3.9 or newer found (looked beside python3 on the PATH, in /usr, pyenv, uv, conda, /opt); install it (for example: apt install python3-dev)"
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

build_keeper() {
    local target=$root/build/bin/keeper hash files
    c_files 'native/*.[ch]'
    hash=$(content_hash native/include native/keeper "${files[@]#"$root/"}" build-support/native.sh)
    c_files 'native/keeper/*.c' 'native/*.c'
    built_from "$hash" "$target" && return 0
    find_compiler
    say "building the keeper (${compiler##*/}) ..."
    run_tool "the C compiler" "$compiler" "${native_flags[@]}" -ffunction-sections -Wl,--gc-sections -pthread -I"$root/native/include" \
        -o "$tmp/keeper" "${files[@]}"
    install_built "$hash" "$tmp/keeper" "$target"
}

build_extension() {
    local target=$root/python/dragon/_shm.abi3.so hash files
    c_files 'native/python/*.c'
    hash=$(content_hash native/include native/python build-support/native.sh)
    built_from "$hash" "$target" && return 0
    find_compiler
    find_python_header
    say "building the Python extension (${compiler##*/}, Python.h in $header_folder) ..."
    run_tool "the C compiler" "$compiler" "${native_flags[@]}" -shared -fPIC -fvisibility=hidden -pthread -DPy_LIMITED_API=0x03090000 \
        -I"$root/native/include" \
        -isystem "$header_folder" -o "$tmp/_shm.so" "${files[@]}"
    install_built "$hash" "$tmp/_shm.so" "$target"
}
