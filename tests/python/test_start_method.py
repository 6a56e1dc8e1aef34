"""The start method in multiprocessing: what an import does and does not do, and that multiprocessing's own names lead to Dragon's objects."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "python"


def python(code: str) -> str:
    """Runs a program in a fresh interpreter and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(PACKAGE)}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_import_starts_nothing_and_opens_nothing() -> None:
    seen = python(
        "import multiprocessing, os\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        "import dragon\n"
        "print(len(os.listdir('/proc/self/fd')) - before, multiprocessing.get_start_method(), *multiprocessing.get_all_start_methods())"
    )
    assert seen == "0 fork fork spawn forkserver dragon"


def test_another_start_method_finds_multiprocessing_as_it_was() -> None:
    seen = python(
        "import multiprocessing as mp\n"
        "before = {n: f.__code__ for n, f in vars(mp.context.BaseContext).items() if hasattr(f, '__code__')}\n"
        "import dragon\n"
        "mp.set_start_method('spawn')\n"
        "after = {n: f.__code__ for n, f in vars(mp.context.BaseContext).items() if hasattr(f, '__code__')}\n"
        "assert before == after\n"
        "print(type(mp.Queue()).__module__, mp.current_process().pid == __import__('os').getpid())"
    )
    assert seen == "multiprocessing.queues True"


def test_names_taken_before_lead_to_dragon_once_the_method_is_set() -> None:
    seen = python(
        "import multiprocessing as mp\n"
        "from multiprocessing import Queue, Lock, Pipe, Event, set_start_method\n"
        "import dragon\n"
        "set_start_method('dragon')\n"
        "print(*(type(x).__module__ for x in (Queue(), mp.Queue(), Lock(), Pipe()[0], Event())))"
    )
    assert seen == "dragon.queues dragon.queues dragon.synchronize dragon.connection dragon.synchronize"


def test_other_methods_beside_it_keep_their_own_objects() -> None:
    seen = python(
        "import multiprocessing as mp, dragon\n"
        "mp.set_start_method('dragon')\n"
        "print(type(mp.get_context('spawn').Lock()).__module__, type(mp.get_context('dragon').Lock()).__module__)\n"
        "mp.set_start_method('fork', force=True)\n"
        "print(type(mp.Lock()).__module__)"
    )
    assert seen.split() == ["multiprocessing.synchronize", "dragon.synchronize", "multiprocessing.synchronize"]


def test_processes_of_other_methods_use_dragons_objects() -> None:
    """They know nothing of the run before they unpickle an object of it, and join it then."""
    seen = python(
        "import multiprocessing as mp, dragon\n"
        "context = dragon.get_context()\n"
        "queue, (here, there) = context.Queue(), context.Pipe()\n"
        "with context.Manager() as manager:\n"
        "    shared = manager.dict()\n"
        "    for name in ('spawn', 'fork', 'forkserver', 'dragon'):\n"
        "        for target, args in ((queue.put, (name,)), (there.send, (name,)), (shared.update, ({name: 1},))):\n"
        "            process = mp.get_context(name).Process(target=target, args=args)\n"
        "            process.start()\n"
        "            process.join()\n"
        "        print(queue.get(timeout=5), here.recv())\n"
        "    print(*shared.keys())"
    )
    lines = ["spawn spawn", "fork fork", "forkserver forkserver", "dragon dragon", "spawn fork forkserver dragon"]
    assert seen.splitlines() == lines


def test_signatures_stay() -> None:
    seen = python(
        "import inspect, multiprocessing as mp, dragon\n"
        "before = inspect.signature(mp.Pool)\n"
        "mp.set_start_method('dragon')\n"
        "print(inspect.signature(mp.Pool) == before)"
    )
    assert seen == "True"


def test_the_package_is_cheap_to_import() -> None:
    modules = python(
        "import multiprocessing, sys; before = set(sys.modules); import dragon; print(*sorted(set(sys.modules) - before))"
    )
    ours = {"dragon", "dragon._limits", "dragon._redirect", "dragon.context", "dragon.process"}
    assert set(modules.split()) - {"__future__"} == ours


def test_an_unknown_pid_style_is_refused() -> None:
    import dragon

    with pytest.raises(ValueError, match="unknown pid style 'linux': use 'dragon'"):
        dragon.set_pid_style("linux")


def test_looking_for_a_module_is_not_importing_it() -> None:
    python(
        "import importlib.util, dragon, multiprocessing as mp; mp.set_start_method('dragon')\n"
        "spec = importlib.util.find_spec('multiprocessing.shared_memory'); assert spec.loader.get_source(spec.name)\n"
        "from multiprocessing import shared_memory\n"
        "assert hasattr(shared_memory.SharedMemory.__init__, '__wrapped__')"
    )


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_child_of_another_method_finds_the_package_where_only_the_program_said_it_is(
    tmp_path: pathlib.Path, method: str
) -> None:
    (tmp_path / "prog.py").write_text(
        f"import sys\nsys.path.insert(0, {str(PACKAGE)!r})\n"
        "import multiprocessing as mp\nimport dragon\n"
        "def put(queue):\n    queue.put(mp.get_start_method())\n"
        "if __name__ == '__main__':\n"
        "    mp.set_start_method('dragon')\n"
        "    queue = mp.Queue()\n"
        f"    process = mp.get_context({method!r}).Process(target=put, args=(queue,))\n"
        "    process.start()\n    process.join()\n    print(process.exitcode, queue.get(timeout=20))\n"
    )
    done = subprocess.run([sys.executable, tmp_path / "prog.py"], capture_output=True, text=True, env={}, check=False)
    assert (done.stdout, done.stderr) == (f"0 {method}\n", "")
