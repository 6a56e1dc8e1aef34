# To be sourced. The tools that check the project, in a virtual environment of its own in build/venv.

venv=$PWD/build/venv/bin

# Makes build/venv unless it is there and made of the tools listed in tools.txt.
make_venv() {
    local stamp=build/venv/tools.txt python
    cmp -s build-support/tools.txt "$stamp" && return 0
    python=$(find_python) || { echo "no Python of 3.9 or newer found on the PATH; install one"; return 2; }
    echo "making build/venv of build-support/tools.txt with $python ..."
    rm -rf build/venv
    "$python" -m venv build/venv || { echo "cannot make a virtual environment (on Debian: apt install python3-venv)"; return 2; }
    "$venv/pip" install --quiet --disable-pip-version-check -r build-support/tools.txt || { echo "pip failed"; return 2; }
    cp build-support/tools.txt "$stamp"
}

# Prints the first python of 3.9 or newer on the PATH.
find_python() {
    local each
    for each in python3 python3.13 python3.12 python3.11 python3.10 python3.9; do
        if "$each" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$each"
            return 0
        fi
    done
    return 1
}
