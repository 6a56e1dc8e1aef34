"""What a zygote has done for its children before they are born, each finds as `spawn` would have made it, and nothing of another's."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
from multiprocessing import current_process, parent_process
from typing import Any

import dragon
import pytest

PATIENCE = 30


class Named:
    """Remembers who unpickled it."""

    def __setstate__(self, state: Any) -> None:
        self.by = current_process().name

    def __getstate__(self) -> Any:
        return 1


class OwnWay(dragon.get_context().Process):  # type: ignore[misc]
    """A process that begins in a way of its own."""

    def _bootstrap(self, parent_sentinel: int | None = None) -> int:
        code: int = super()._bootstrap(parent_sentinel=parent_sentinel)
        return code + 40


def tell(queue: Any, named: Named) -> None:
    queue.put(
        {
            "by": named.by,
            "name": current_process().name,
            "parent": getattr(parent_process(), "name", None),
            "native": threading.main_thread().native_id == os.getpid(),
            "folder": os.path.samefile(".", os.environ["FOLDER"]),
            "ignored": [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_IGN],
        }
    )


def fork_first(queue: Any) -> None:
    """Its child asks the run for something before it itself ever did."""
    child = os.fork()
    if child == 0:
        queue.put(("child", os.getpid()))
        os._exit(0)
    os.waitpid(child, 0)
    queue.put(("worker", current_process().pid))


SIGNALS = (signal.SIGINT, signal.SIGUSR2, signal.SIGCHLD)


def test_settings_come_and_go(ctx: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = ctx.Queue()
    folders = [tmp_path / name for name in "ab"]
    ignored = [(), SIGNALS, (signal.SIGUSR2,), (), (signal.SIGCHLD,), ()]
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for turn, now in enumerate(ignored * 2):
            folder = folders[turn // 2 % 2]
            if folder.exists():
                folder.rmdir()  # the zygote may be in it
            folder.mkdir()
            monkeypatch.chdir(folder)
            monkeypatch.setenv("FOLDER", str(folder))
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN if number in now else before[number])
            each = ctx.Process(target=tell, args=(queue, Named()), name=f"turn {turn}")
            each.start()
            each.join(PATIENCE)
            assert each.exitcode == 0
            told = queue.get(timeout=PATIENCE)
            assert told == {
                "by": f"turn {turn}",
                "name": f"turn {turn}",
                "parent": current_process().name,
                "native": True,
                "folder": True,
                "ignored": list(now),
            }
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_class_may_begin_in_its_own_way() -> None:
    each = OwnWay(target=os.getpid)
    each.start()
    each.join(PATIENCE)
    assert each.exitcode == 40


def test_a_worker_that_forks_first_of_all(ctx: Any) -> None:
    queue = ctx.Queue()
    for _ in range(2):
        each = ctx.Process(target=fork_first, args=(queue,))
        each.start()
        found = dict(queue.get(timeout=PATIENCE) for _ in range(2))
        each.join(PATIENCE)
        assert each.exitcode == 0
        assert found["worker"] == each.pid
        assert found["child"] != each.os_pid
