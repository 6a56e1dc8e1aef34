"""The build of what a user runs (build-support/build), in a copy of the checkout whose path is an odd one."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)  # each builds with javac, some several times
PROBE = "launcher/src/main/java/dragon/launcher/Probe.java"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout, built once."""
    folder = tmp_path_factory.mktemp("build") / "a 'folder' with \"blänks\", 100%code \\e #1"
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "dragon",
            "build-support",
            "native",
            "python",
            "*/src/main/*",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    write_probe(folder, "one")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def build(folder, *options, **environment):
    command = [folder / "build-support/build", *options]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100)


def write_probe(folder: pathlib.Path, answer: str) -> None:
    """A class with a main method that prints its answer."""
    text = f'package dragon.launcher;\n\npublic final class Probe {{ public static void main(String[] a) {{ System.out.println("{answer}"); }} }}\n'
    (folder / PROBE).parent.mkdir(parents=True, exist_ok=True)
    (folder / PROBE).write_text(text)


def probe(folder) -> str:
    java = (folder / "build/lib/java").read_text().strip()
    return subprocess.run(
        [java, f"@{folder}/build/lib/jvm.options", "dragon.launcher.Probe"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()


def built_things(folder):
    """Name -> inode and time of everything that is built."""
    names = [*(folder / "build/lib").iterdir(), *(folder / "build/bin").iterdir(), *(folder / "build/aot").iterdir()]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in names}


def test_a_second_build_does_nothing(checkout):
    before = built_things(checkout)
    done = build(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert built_things(checkout) == before


def test_there_is_a_cache_for_a_quick_start(checkout):
    (cache,) = (checkout / "build/aot").iterdir()
    # The folder's quotes and backslashes are escaped there.
    lines = (checkout / "build/lib/jvm.options").read_text().splitlines()
    (option,) = [line for line in lines if line.startswith('"-XX:AOTCache=')]
    assert option.endswith(f'/build/aot/{cache.name}"')


PROGRAM = """import os, dragon, multiprocessing as mp
if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(1) as pool:
        for get in (os.environ.get, lambda name: pool.apply(os.getenv, (name,))):
            print(get("LC_ALL"), get("DRAGON_LC_ALL"))
"""


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LC_ALL": ""}])
@pytest.mark.parametrize("way", ["dragon", "python3"])
def test_it_runs_in_any_locale_and_programs_keep_theirs(checkout, tmp_path, way, locale):
    program = tmp_path / "prög.py"
    program.write_text(PROGRAM)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout / "python"), **locale}
    command = [checkout / "dragon" if way == "dragon" else way, program]
    run = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60)
    # In the C locale, Python itself sets LC_CTYPE, but never LC_ALL.
    assert run.stdout == f"{locale.get('LC_ALL')} None\n" * 2, run.stderr


def test_a_changed_class_is_seen(checkout):
    assert probe(checkout) == "one"
    write_probe(checkout, "two")
    done = build(checkout)
    assert "(javac)" in done.stderr
    assert "keeper" not in done.stderr
    assert probe(checkout) == "two"
    write_probe(checkout, "one")
    assert build(checkout, "--no-aot").returncode == 0
    assert probe(checkout) == "one"


WAITING = """import dragon, multiprocessing as mp, subprocess, sys
mp.set_start_method("dragon")
lock = mp.Lock()
print("begun", flush=True)
sys.stdin.readline()
subprocess.run([sys.executable, "-c", "import dragon, multiprocessing as mp; mp.get_context('dragon').Lock()"])
"""


def test_plain_python_does_not_use_what_was_built_of_other_sources(checkout):
    """Nor does a process that joins a run with a package that was built since it began."""
    plain = ["python3", "-c", "import dragon; dragon.get_context().Lock(); print('good')"]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "python")}

    def run():
        done = subprocess.run(plain, env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout + (done.stderr.splitlines() or [""])[-1]

    assert run() == "good\n"
    command = [checkout / "dragon", "-c", WAITING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        first.stdout.readline()
        new = checkout / "new"
        new.write_text((checkout / PROBE).read_text().replace("one", "other"))
        new.rename(checkout / PROBE)
        changed = f"the sources of Dragon in {checkout} changed since they were built ({PROBE})"
        mend = f"run {checkout}/build-support/build, or ./dragon, which does so by itself"
        assert run() == f"ImportError: {changed}: {mend}"
        assert build(checkout, "--no-aot").returncode == 0
        assert run() == "good\n"
        words = first.communicate(b"\n", timeout=60)[1].decode()
    assert f"the package of the Dragon in {checkout}, which was built anew since the run began" in words
    write_probe(checkout, "one")
    assert build(checkout, "--no-aot").returncode == 0


def test_touched_sources_of_the_same_content_are_not_built_again(checkout):
    (checkout / PROBE).touch()
    done = build(checkout, "--no-aot")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_deleted_source_is_seen(checkout):
    other = checkout / PROBE.replace("Probe", "Other")
    other.write_text("package dragon.launcher;\n\nfinal class Other {}\n")
    assert "(javac)" in build(checkout, "--no-aot").stderr
    other.unlink()
    assert build(checkout, "--no-aot").returncode == 0
    options = (checkout / "build/lib/jvm.options").read_text()
    (jar,) = [path for path in (checkout / "build/lib").glob("dragon-*.jar") if path.name in options]
    assert "dragon/launcher/Other.class" not in zipfile.ZipFile(jar).namelist()
    assert "dragon/launcher/Probe.class" in zipfile.ZipFile(jar).namelist()


def test_of_two_builds_at_a_time_one_builds(checkout):
    write_probe(checkout, "three")
    both = [
        subprocess.Popen([checkout / "build-support/build", "--no-aot"], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    words = [each.communicate(timeout=100)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum("(javac)" in each for each in words) == 1
    assert probe(checkout) == "three"


def test_a_build_that_is_killed_is_done_again(checkout):
    write_probe(checkout, "four")
    first = subprocess.Popen(
        [checkout / "build-support/build"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert "(javac)" in first.stderr.readline()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert not (checkout / "build/lib/sources").exists()
    assert build(checkout, "--no-aot").returncode == 0
    assert probe(checkout) == "four"
    assert list((checkout / "build").glob("tmp.*")) == []


def test_an_error_in_a_source_is_shown(checkout):
    (checkout / PROBE).write_text("package dragon.launcher;\n\nclass Probe { int x = true; }\n")
    done = build(checkout, "--no-aot")
    assert done.returncode == 2
    assert "incompatible types" in done.stderr
    assert done.stderr.splitlines()[-1] == "dragon: javac failed; its words are above"
    write_probe(checkout, "one")
    assert build(checkout, "--no-aot").returncode == 0


def only_line(done) -> str:
    """The one line of a build that stopped at once."""
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    return line


def test_a_jdk_that_is_none_is_named(checkout, tmp_path):
    line = only_line(build(checkout, DRAGON_JDK=str(tmp_path)))
    assert line == f"dragon: DRAGON_JDK={tmp_path} is not a JDK 25 or newer; let it name one, or unset it"


def test_an_old_jdk_is_named_with_its_version(checkout, tmp_path):
    (tmp_path / "release").write_text('IMPLEMENTOR="X"\nJAVA_VERSION="17.0.15"\n')
    line = only_line(build(checkout, DRAGON_JDK=str(tmp_path)))
    assert line == f"dragon: DRAGON_JDK={tmp_path} is Java 17.0.15, not a JDK 25 or newer; let it name one, or unset it"


def test_a_runtime_without_a_compiler_is_no_jdk(checkout, tmp_path):
    jre = tmp_path / ".jdks" / "jre"
    (jre / "bin").mkdir(parents=True)
    (jre / "release").write_text('JAVA_VERSION="99.0.1"\n')
    script = 'source build-support/jdk.sh; jdk_needed=98; find_jdk || echo "$jdk_error"'
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", script], cwd=checkout, env=environment, capture_output=True, text=True)
    assert (
        f"no JDK 98 or newer is installed (found Java 99.0.1 in {jre}, which has no javac: it is no JDK)" in done.stdout
    )


@pytest.mark.parametrize(
    "number, send, moment",
    [
        (signal.SIGINT, os.killpg, "(AOT cache)"),
        (signal.SIGINT, os.kill, "(javac)"),
        (signal.SIGTERM, os.kill, "(AOT cache)"),
        (signal.SIGTERM, os.killpg, "(javac)"),
        (signal.SIGHUP, os.kill, "(javac)"),
    ],
)
def test_a_signal_ends_a_build_at_once(checkout, number, send, moment):
    """Ctrl-C, or a signal to the script alone or to all of its group."""
    write_probe(checkout, f"five {number} {moment}")
    command = [checkout / "dragon", "--version"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as first:
        while moment not in first.stderr.readline():
            pass
        send(first.pid, number)
        assert first.communicate(timeout=20)[1] == ""
    assert first.returncode == -number
    assert list((checkout / "build").glob("tmp.*")) == []
    write_probe(checkout, "one")
    assert build(checkout, "--no-aot").returncode == 0


def test_a_signal_ends_the_wait_for_another_build(checkout):
    write_probe(checkout, "six")
    with open(checkout / "build/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [checkout / "dragon", "--version"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
            assert first.stderr.readline() == "dragon: waiting for another build of this checkout ...\n"
            first.terminate()
            assert first.communicate(timeout=20)[1] == ""  # also: nobody is left who has it open
        assert first.returncode == -signal.SIGTERM
    write_probe(checkout, "one")
    assert build(checkout, "--no-aot").returncode == 0


def test_options_of_the_users_java_are_not_the_runtimes(checkout, tmp_path):
    names = {"JAVA_TOOL_OPTIONS": "-XX:Nonsense", "JDK_JAVA_OPTIONS": "-XX:Nonsense", "_JAVA_OPTIONS": "-XX:Nonsense"}
    program = tmp_path / "prog.py"
    program.write_text(
        "import dragon, multiprocessing as mp, os\n"
        "if __name__ == '__main__':\n"
        "    mp.set_start_method('dragon')\n"
        "    with mp.Pool(1) as pool:\n"
        "        for all in (os.environ, pool.apply(os.environ.copy)):\n"
        "            print(*sorted(f'{name}={all[name]}' for name in all if 'JAVA' in name))\n"
    )
    line = " ".join(f"{name}={value}" for name, value in sorted(names.items())) + "\n"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout / "python"), **names}
    for first in (checkout / "dragon", "python3"):
        run = subprocess.run([first, program], env=environment, capture_output=True, text=True, timeout=60)
        assert run.stdout == line * 2, run.stderr
        assert "Picked up" not in run.stderr


def test_a_path_that_nothing_can_be_told_of_is_refused(checkout, tmp_path):
    other = tmp_path / "a:b"
    shutil.copytree(checkout / "build-support", other / "build-support")
    assert only_line(build(other)).startswith(f"dragon: {other}: Java and Python cannot be told of a folder")


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere")
def test_who_may_not_build_hears_why(checkout, tmp_path):
    """As another user; the folders above are opened to him."""
    other = tmp_path / "checkout"
    shutil.copytree(checkout / "build-support", other / "build-support")
    for path in [tmp_path, *tmp_path.parents]:
        if "pytest-of" in str(path):
            path.chmod(0o711)
    other.chmod(0o555)
    command = [other / "build-support/build"]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    said = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True).stderr
    mend = f"make it writable, or let its owner run {other}/build-support/build"
    assert said == f"dragon: this checkout is not built, and {other}/build cannot be written to; {mend}\n"
    other.chmod(0o755)
    (other / "build").mkdir(mode=0)
    said = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True).stderr
    if os.geteuid() == 0:
        assert said.startswith(f"dragon: you may not read {other}/build: its owner built it for himself alone")


def test_a_missing_compiler_is_named(checkout, tmp_path):
    for name in os.listdir("/usr/bin"):
        if name in (
            "bash",
            "env",
            "find",
            "sort",
            "xargs",
            "sha256sum",
            "cut",
            "mkdir",
            "rm",
            "mv",
            "cp",
            "cat",
            "flock",
            "sed",
            "dirname",
            "readlink",
        ):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (checkout / "build/lib/sources").unlink()
    for keeper in (checkout / "build/bin").iterdir():
        keeper.unlink()
    line = only_line(build(checkout, PATH=str(tmp_path), CC="nocc"))
    assert (
        line
        == "dragon: no C compiler found (looked for nocc, cc, gcc, clang); install one (for example: apt install gcc), or set CC"
    )
    (checkout / "python/dragon/_shm.abi3.so").unlink()
    done = build(checkout, PATH=str(tmp_path), CC="", DRAGON_JDK="jdk")
    assert [line.split(";")[0] for line in done.stderr.splitlines()[:2]] == [
        "dragon: DRAGON_JDK=jdk is no absolute path of a JDK",
        "dragon: no C compiler found (looked for cc, gcc, clang)",
    ]
