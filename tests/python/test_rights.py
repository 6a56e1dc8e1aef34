"""A program that dropped its rights does not get a worker with them; and what else makes a worker an interpreter of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dragon
import pytest

PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")  # one that any user may execute

HEAD = """
import dragon, multiprocessing as mp, ctypes, json, os, sys
def tell(queue, path):
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    try:
        open(path).close()
        status["reads"] = True
    except PermissionError:
        status["reads"] = False
    status["environment"] = dict(os.environ)
    status["hash"] = sys.flags.hash_randomization
    status["parent"] = os.getppid()
    queue.put(status)
if __name__ == "__main__":
    mp.set_start_method("dragon")
    queue = mp.Queue()
    libc = ctypes.CDLL(None)
    def one():
        process = mp.Process(target=tell, args=(queue, sys.argv[1]))
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode
        print(json.dumps(queue.get(timeout=10)), flush=True)
    one()
"""


def told(folder: Path, steps: str) -> list[dict[str, Any]]:
    """What workers say of themselves, one started at each `one()`."""
    program = folder / "prog.py"
    program.write_text(HEAD + "".join(f"    {line}\n" for line in steps.strip().splitlines()))
    secret = folder / "secret"
    secret.touch(0o600)
    secret.chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON")}
    environment["PYTHONPATH"] = str(Path(dragon.__file__).parent.parent)
    for path in [folder, *folder.parents]:
        if "pytest-of" in str(path):
            path.chmod(0o711)
    program.chmod(0o644)
    run = subprocess.run(
        [PYTHON or "python3", program, secret],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


root = pytest.mark.skipif(os.getuid() != 0 or PYTHON is None, reason="needs root, and a Python that any user may run")


@root
def test_a_worker_of_a_program_that_became_another_user(tmp_path: Path) -> None:
    before, after = told(tmp_path, "os.setgroups([])\nos.setgid(65534)\nos.setuid(65534)\none()")
    assert before["reads"] and before["Uid"].split() == ["0"] * 4
    assert not after["reads"]
    assert after["Uid"].split() == after["Gid"].split() == ["65534"] * 4
    assert after["Groups"].split() == []
    assert int(after["CapPrm"], 16) == int(after["CapEff"], 16) == 0


@root
def test_effective_users_and_groups_are_the_parents(tmp_path: Path) -> None:
    _, after = told(tmp_path, "os.setgroups([7, 8])\nos.setegid(65534)\nos.seteuid(65534)\none()")
    assert not after["reads"]
    assert after["Uid"].split()[:2] == after["Gid"].split()[:2] == ["0", "65534"]
    assert after["Groups"].split() == ["7", "8"]


@root
def test_no_capability_that_the_parent_gave_up(tmp_path: Path) -> None:
    # CAP_NET_ADMIN (12) leaves the bounding set; only CAP_CHOWN (0) stays permitted
    sets = "header = (ctypes.c_uint32 * 2)(0x20080522, 0)\nonly = (ctypes.c_uint32 * 6)(1, 1, 0, 0, 0, 0)"
    _, after = told(tmp_path, f"libc.prctl(24, 12, 0, 0, 0)\n{sets}\nassert libc.capset(header, only) == 0\none()")
    assert int(after["CapBnd"], 16) >> 12 & 1 == 0
    assert int(after["CapPrm"], 16) == int(after["CapEff"], 16) == 1
    assert not after["reads"] or after["Uid"].split()[0] == "0"


def test_who_can_gain_no_rights_gets_no_worker_that_can(tmp_path: Path) -> None:
    before, after = told(tmp_path, "libc.prctl(38, 1, 0, 0, 0)\none()")
    assert (before["NoNewPrivs"], after["NoNewPrivs"]) == ("0", "1")


def test_what_an_interpreter_reads_at_its_start_is_the_parents(tmp_path: Path) -> None:
    before, loader, seed, plain = told(
        tmp_path,
        "os.environ['LD_BIND_NOW'] = '1'\none()\nos.environ['PYTHONHASHSEED'] = '0'\none()\n"
        "del os.environ['LD_BIND_NOW'], os.environ['PYTHONHASHSEED']\nos.environ['OTHER'] = '1'\none()",
    )
    assert loader["environment"]["LD_BIND_NOW"] == "1"
    assert (before["hash"], loader["hash"], seed["hash"], plain["hash"]) == (1, 1, 0, 1)
    assert plain["environment"]["OTHER"] == "1"
    assert plain["parent"] == before["parent"]  # the warm interpreter
    assert len({before["parent"], loader["parent"], seed["parent"]}) == 3


def test_a_seccomp_filter_of_its_own_is_refused_in_words(tmp_path: Path) -> None:
    # A filter that allows everything: BPF_RET | BPF_K, SECCOMP_RET_ALLOW.
    steps = """
class Program(ctypes.Structure): _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
code = (ctypes.c_uint64 * 1)(0x7FFF0000 << 32 | 6)
program = Program(1, ctypes.addressof(code))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
try: one()
except PermissionError as error: print(json.dumps({"words": str(error)}))
"""
    _, refused = told(tmp_path, steps)
    assert "seccomp filter of its own" in refused["words"]
