"""The template: modules that workers share because the program named them to set_forkserver_preload. Each program is one of its own, without the launcher."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "python"
START = "import dragon, multiprocessing as mp, os, sys\n"


def run(folder: pathlib.Path, program: str, **modules: str) -> subprocess.CompletedProcess[str]:
    """Runs a program from a file, beside the modules that it may import."""
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(code))
    (folder / "program.py").write_text(START + textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("template", "most"), [(False, 1200), (True, 850)], ids=["plain", "template"])
def test_a_worker_copies_little(tmp_path: pathlib.Path, template: bool, most: int) -> None:
    """What each of many idle workers has for itself, in KiB; at most 1,000 and 660 where this was written."""
    done = run(
        tmp_path,
        f"""
        def wait(ready, go):
            ready.put(None)
            go.wait()

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            if {template}:
                mp.set_forkserver_preload(["__main__"])
            ready, go = mp.Queue(), mp.Event()
            processes = [mp.Process(target=wait, args=(ready, go)) for _ in range(30)]
            for each in processes:
                each.start()
            for each in processes:
                ready.get(timeout=30)
            for each in processes[-5:]:
                with open(f"/proc/{{each.os_pid}}/smaps_rollup") as lines:
                    print(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")))
            go.set()
            for each in processes:
                each.join()
        """,
    )
    sizes = [int(size) for size in done.stdout.split()]
    assert len(sizes) == 5, done
    assert sorted(sizes)[2] < most, sizes  # one may have been born before the zygote had tidied its memory


def test_main_is_imported_once_for_all_workers(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        print("imported as", __name__, flush=True)
        seen = []

        def work(queue):
            seen.append(os.getpid())
            queue.put((len(seen), __name__, sys.modules["__main__"].seen is seen, mp.get_start_method()))

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["__main__"])
            queue = mp.Queue()
            for _ in range(3):
                process = mp.Process(target=work, args=(queue,))
                process.start()
                process.join()
                print(*queue.get())
        """,
    )
    lines = done.stdout.splitlines()
    assert sorted(lines[:2]) == ["imported as __main__", "imported as __mp_main__"], done.stderr
    assert lines[2:] == ["1 __mp_main__ True dragon"] * 3, done.stderr


def test_it_may_be_named_before_the_method_is_chosen_and_withdrawn(tmp_path: pathlib.Path) -> None:
    program = """
        here = os.getpid()

        def work(queue):
            queue.put(here == os.getpid())

        def ask():
            queue = mp.Queue()
            process = mp.Process(target=work, args=(queue,))
            process.start()
            process.join()
            return queue.get()

        if __name__ == "__main__":
            mp.set_forkserver_preload(["__main__"])
            mp.set_start_method("dragon")
            print(ask(), ask())
            mp.set_forkserver_preload([])
            print(ask())
        """
    done = run(tmp_path, program)
    assert done.stdout == "False False\nTrue\n", done.stderr


def test_it_begins_where_its_first_worker_does_and_each_worker_where_it_should(tmp_path: pathlib.Path) -> None:
    (tmp_path / "below").mkdir()
    done = run(
        tmp_path,
        """
        import shared

        def work(queue):
            queue.put((shared.folder, shared.setting, os.path.basename(os.getcwd()), os.environ.get("SETTING")))

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["shared"])
            queue = mp.Queue()
            os.chdir("below")
            for setting in "ab":
                os.environ["SETTING"] = setting
                process = mp.Process(target=work, args=(queue,))
                process.start()
                process.join()
                print(*queue.get())
                os.chdir("/")
        """,
        shared="import os\nfolder, setting = os.path.basename(os.getcwd()), os.environ.get('SETTING')\n",
    )
    assert done.stdout == "below a below a\nbelow a  b\n", done.stderr


def test_workers_of_workers_come_from_the_same(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        here = os.getpid()

        def work(queue, depth):
            queue.put((here, os.getppid()))
            if depth:
                process = mp.Process(target=work, args=(queue, depth - 1))
                process.start()
                process.join()

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["__main__"])
            queue = mp.Queue()
            process = mp.Process(target=work, args=(queue, 2))
            process.start()
            process.join()
            print(len({number for _ in range(3) for number in queue.get()}))
        """,
    )
    assert done.stdout == "1\n", done.stderr


def test_a_thread_is_refused_by_name(tmp_path: pathlib.Path) -> None:
    program = """
        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["harmless", "threaded"])
            for _ in range(2):
                try:
                    mp.Process(target=print).start()
                except OSError as error:
                    print(*str(error).splitlines())
            mp.set_forkserver_preload(["harmless"])
            process = mp.Process(target=print, args=("goes on",))
            process.start()
            process.join()
        """
    threaded = "import threading\nthreading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()\n"
    done = run(tmp_path, program, harmless="", threaded=threaded)
    first, second, last = done.stdout.splitlines()
    assert first.partition("importing")[2] == second.partition("importing")[2]
    assert "importing threaded started a thread (ticker), which a fork does not copy" in first
    assert last == "goes on"


def test_what_its_import_raises_is_raised_by_start(tmp_path: pathlib.Path) -> None:
    program = """
        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["not_there", "broken"])
            mp.Process(target=print).start()
        """
    done = run(tmp_path, program, broken="value = {}['missing']\n")
    assert done.returncode == 1
    assert "OSError" in done.stderr and "before it was ready" in done.stderr and "KeyError: 'missing'" in done.stderr


def test_a_missing_guard_is_told(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        mp.set_forkserver_preload(["__main__"])
        mp.set_start_method("dragon")
        mp.Process(target=print).start()
        """,
    )
    assert done.returncode == 1
    assert 'program.py, line 4 (mp.set_start_method("dragon")): each worker imports this file' in done.stderr


def test_hooks_of_a_fork_are_run_where_modules_have_set_some(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        import random
        import hooked

        def work(queue):
            queue.put((*hooked.ran, random.random()))

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["hooked", "random"])
            queue = mp.Queue()
            drawn = set()
            for _ in range(3):
                process = mp.Process(target=work, args=(queue,))
                process.start()
                process.join()
                *ran, number = queue.get()
                drawn.add(number)
            print(*ran, len(drawn))
        """,
        hooked="import os\nran = []\nos.register_at_fork(before=lambda: ran.append('before'), after_in_child=lambda: ran.append('child'))\n",
    )
    assert done.stdout.endswith("before child 3\n"), (done.stdout, done.stderr)


def test_objects_that_its_modules_make_are_shared(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        import made

        def work(queue):
            made.counter.release()
            queue.put(made.counter.get_value())

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["made"])
            queue = mp.Queue()
            for _ in range(3):
                process = mp.Process(target=work, args=(queue,))
                process.start()
                process.join()
                print(queue.get(), process.exitcode)
        """,
        made="import multiprocessing as mp\ncounter = mp.get_context('dragon').Semaphore(0)\n",
    )
    assert done.stdout == "1 0\n2 0\n3 0\n", done.stderr


def test_another_takes_the_place_of_one_that_is_killed(tmp_path: pathlib.Path) -> None:
    done = run(
        tmp_path,
        """
        import signal
        import time
        here = os.getpid()

        def work(queue):
            queue.put(here)
            time.sleep(1000)

        if __name__ == "__main__":
            mp.set_start_method("dragon")
            mp.set_forkserver_preload(["__main__"])
            queue = mp.Queue()
            templates = set()
            for _ in range(2):
                process = mp.Process(target=work, args=(queue,))
                process.start()
                template = queue.get()
                templates.add(template)
                os.kill(template, signal.SIGKILL)
                process.join()
                print(process.exitcode)
            print(len(templates))
        """,
    )
    assert done.stdout == "-9\n-9\n2\n", done.stderr
