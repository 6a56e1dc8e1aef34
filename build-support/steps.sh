# To be sourced by check: its steps. A step is a function step_NAME in the project's folder; it returns nothing_here if what it tests does not exist yet,
# with a last line that says so.
source build-support/jdk.sh
source build-support/native.sh
source build-support/venv.sh

steps=(
    "build:what a user runs"
    "schema:the generated codecs are those of the schema"
    "native:C with all warnings as errors, its tests with sanitizers"
    "format:layout of Java, C, Python and shell"
    "java:Maven: Error Prone, NullAway, unit tests of all modules"
    "model:the protocol, explored exhaustively"
    "jcstress:the Java protocol, raced by threads"
    "lint:ruff, mypy --strict, shellcheck"
    "python:the Python package, and the build"
    "conformance:CPython's own tests of multiprocessing and concurrent.futures, in both pid styles"
    "versions:those of every other CPython that is here with its tests"
    "launcher:the dragon command, output, the terminal"
    "places:the ways and places in which programs are run"
    "chaos:kill -9 of every part"
    "examples:the examples, with ./dragon and under every Python here"
)

nothing_here=77
step_limit=10m
declare -A longer=([versions]=15m) # steps that may take longer: four suites of CPython's
fail() { echo "$*"; exit 2; }

step_build() {
    build-support/build
}

step_schema() {
    python3 spec/generate.py --check
}

step_native() {
    build-support/check-native
}

step_format() {
    local status=0 file c_files
    make_venv || return 2
    "$venv/ruff" format --check . || status=1
    mapfile -t c_files < <(git ls-files '*.c' '*.h')
    for file in "${c_files[@]}"; do
        "$venv/clang-format" "$file" | cmp -s - "$file" || { echo "Would reformat: $file"; status=1; }
    done
    ./mvnw --quiet --fail-at-end spotless:check || status=1
    [[ $status -eq 0 ]] || echo "build-support/format lays everything out as it should be"
    return "$status"
}

step_java() {
    ./mvnw --fail-at-end verify -pl '!tests/model'
}

step_model() {
    ./mvnw verify -pl tests/model
}

step_jcstress() {
    ./mvnw --quiet --file tests/jcstress/pom.xml spotless:check || return 1
    tests/jcstress/run --quick
}

step_lint() {
    local status=0 scripts
    make_venv || return 2
    "$venv/ruff" check . || status=1
    (cd python && "$venv/mypy") || status=1
    (cd spec && "$venv/mypy" --config-file ../python/pyproject.toml generate.py) || status=1
    mapfile -t scripts < <(git grep -lI '^#!.*bash' -- ':!*.py' && git ls-files '*.sh')
    "$venv/shellcheck" "${scripts[@]}" || status=1
    return "$status"
}

# Runs pytest on the folders of tests/ that are there, a line for each test. A test that hangs is named (tests/hang.py); four that fail are enough, since
# each may have waited for a while before; fewer are tried once more and named as FLAKY if they pass then, unless one of them hung. Built first: not in the
# time of the first test. After --, options of pytest's.
run_pytest() {
    local folder folders=() options=() status first=build/check/first-try.$$
    for folder; do
        shift
        [[ $folder == -- ]] && { options=("$@"); break; }
        [[ -n $(find "tests/$folder" -name 'test_*.py' -print -quit 2>/dev/null) ]] && folders+=("tests/$folder")
    done
    if [[ ${#folders[@]} -eq 0 ]]; then
        echo "no tests there yet"
        return "$nothing_here"
    fi
    build-support/build || return 2
    make_venv || return 2
    mkdir -p build/check
    "$venv/python" -m pytest -v --maxfail=4 "${options[@]}" "${folders[@]}" | tee "$first"
    status=${PIPESTATUS[0]}
    if [[ $status -eq 1 ]] && ! grep -qE '^HUNG |stopping after' "$first"; then
        "$venv/python" -m pytest -v --last-failed --last-failed-no-failures none "${options[@]}" "${folders[@]}"
        status=$?
        [[ $status -eq 0 ]] && sed -n 's/^FAILED \([^ ]*\).*/FLAKY \1: passed only at the second try/p' "$first"
    fi
    rm -f "$first"
    [[ $status -eq 5 ]] || return "$status"
    echo "none of the tests can run here"
    return "$nothing_here"
}

step_python() {
    run_pytest python build
}

# CPython's own tests: those of the version that most of the work is done with, and those of the others.
most_used='3.11'

step_conformance() {
    run_pytest conformance -- -k "$most_used"
}

step_versions() {
    run_pytest conformance -- -k "not $most_used"
}

step_launcher() {
    run_pytest launcher integrity
}

step_places() {
    run_pytest places
}

step_chaos() {
    run_pytest chaos
}

step_examples() {
    run_pytest examples
}
