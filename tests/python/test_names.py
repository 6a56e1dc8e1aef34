"""The run's book of names: publishing, looking up, waiting, and what becomes of names and waits when a process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import dragon
import pytest
import targets
from dragon import names
from dragon.names import NameTaken, NameUnknown


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


def start(ctx: Any, target: Any, *args: Any) -> Any:
    process = ctx.Process(target=target, args=args)
    process.start()
    return process


def test_a_name_leads_to_the_same_object(ctx: Any, name: str) -> None:
    queue = ctx.Queue()
    names.publish(name, {"queue": queue, "n": 1})
    worker = start(ctx, targets.put_by_name, name, "hello")
    assert queue.get(timeout=10) == "hello"
    worker.join()
    names.withdraw(name)


def test_what_is_published_lives_as_long_as_its_name(ctx: Any, name: str) -> None:
    queue = ctx.SimpleQueue()
    queue.put("still here")
    names.publish(name, queue)
    del queue
    for _ in range(3):  # each look-up binds anew
        found = names.lookup(name)
        found.put("more")
        assert found.get() in ("still here", "more")
        del found
    names.withdraw(name)
    with pytest.raises(NameUnknown):
        names.lookup(name, timeout=0)


def test_a_taken_name_says_who_has_it(ctx: Any, name: str) -> None:
    names.publish(name, 1)
    with pytest.raises(NameTaken, match=f"{name}' is taken: process .*OS pid {os.getpid()}.*replace=True"):
        names.publish(name, 2)
    names.publish(name, 3, replace=True)
    assert names.lookup(name) == 3
    names.withdraw(name)
    with pytest.raises(NameUnknown, match="no process of this run has published it"):
        names.withdraw(name)


def test_errors_at_the_call(ctx: Any, name: str) -> None:
    with pytest.raises(NameUnknown, match=r"within 0\.05 seconds"):
        names.lookup(name, timeout=0.05)
    with pytest.raises(ValueError, match="at most 1048576"):
        names.publish(name, bytes(1 << 21))
    with pytest.raises(Exception, match="pickle"):
        names.publish(name, threading.Lock())
    with pytest.raises(TypeError):
        names.publish(1, 2)  # type: ignore[arg-type]
    with pytest.raises(NameUnknown):
        names.lookup(name, timeout=0)


def test_get_or_create_gives_all_the_same(ctx: Any, name: str) -> None:
    results = ctx.Queue()
    workers = [start(ctx, targets.meet_by_name, name, results) for _ in range(6)]
    assert {results.get(timeout=10) for _ in workers} == {None}
    shared = names.get_or_create(name, ctx.Queue)
    assert sorted(shared.get(timeout=10) for _ in workers) == sorted(worker.pid for worker in workers)
    for worker in workers:
        worker.join()
    names.withdraw(name)


def test_a_look_up_waits_until_the_name_is_there(ctx: Any, name: str) -> None:
    queue = ctx.Queue()
    waiting = ctx.Event()
    worker = start(ctx, targets.put_by_name, name, "late", waiting)
    waiting.wait(30)
    names.publish(name, {"queue": queue})
    assert queue.get(timeout=10) == "late"
    worker.join()
    names.withdraw(name)


def test_threads_go_on_while_one_waits(ctx: Any, name: str) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(names.lookup(name)))
    thread.start()
    worker = start(ctx, targets.nothing)  # asks the agent, too
    worker.join()
    names.publish(name, "x")
    thread.join(30)
    assert found == ["x"]
    names.withdraw(name)


@pytest.mark.parametrize("keep", [False, True])
def test_the_publisher_is_killed(ctx: Any, name: str, keep: bool) -> None:
    there = ctx.Event()
    worker = start(ctx, targets.publish_and_live, name, keep, there)
    assert there.wait(30)
    queue = names.lookup(name)
    os.kill(worker.os_pid, signal.SIGKILL)
    worker.join()
    if keep:
        names.lookup(name, timeout=0).put(2)
        names.withdraw(name)
    else:
        with pytest.raises(NameUnknown):
            names.lookup(name, timeout=0)
        names.publish(name, 1)  # it is free again
        names.withdraw(name)
        queue.put(2)
    assert [queue.get(timeout=10), queue.get(timeout=10)] == [1, 2]  # who found it keeps it


def test_a_publisher_that_ends_in_order_takes_its_name_along(ctx: Any, name: str) -> None:
    worker = start(ctx, targets.publish_and_end, name)
    worker.join()
    with pytest.raises(NameUnknown):
        names.lookup(name, timeout=0)


def test_a_waiter_is_killed(ctx: Any, name: str) -> None:
    waiting = ctx.Event()
    worker = start(ctx, targets.put_by_name, name, "never", waiting)
    assert waiting.wait(30)
    os.kill(worker.os_pid, signal.SIGKILL)
    worker.join()
    queue = ctx.Queue()
    names.publish(name, {"queue": queue})
    second = start(ctx, targets.put_by_name, name, "alive")
    assert queue.get(timeout=10) == "alive"
    second.join()
    names.withdraw(name)


WAITS = """
import dragon, multiprocessing as mp, os, signal
from pathlib import Path
if __name__ == "__main__":
    mp.set_start_method("dragon")
    from dragon import _shm, names
    names.publish("x", 1)
    agent = _shm.info()["agent_pid"]
    if os.fork() == 0:
        os.execlp("sh", "sh", "-c", f"sleep 0.3; kill -9 {agent}")
    try:
        names.lookup("y")
    except OSError as error:
        print(type(error).__name__, flush=True)
    os._exit(0)
"""


def test_the_agent_is_killed_while_one_waits(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(WAITS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON")}
    environment["PYTHONPATH"] = str(Path(dragon.__file__).parent.parent)
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "prog.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, timeout=30
    )
    assert run.stdout == "RunOver\n"
    assert time.monotonic() - began < 10
