"""What workers printed is shown before the head learns what came after it: what that means for the calls of the head. (The order itself: tests/integrity.)"""

from __future__ import annotations

import time
from typing import Any

import pytest
from dragon import _agent, _shm


class Interrupted(Exception):
    """As a signal's handler raises it."""


@pytest.fixture
def behind(ctx: Any) -> Any:
    """A worker has printed something that the agent has not been asked to show."""
    _shm.catch_up()
    process = ctx.Process(target=print, args=("a worker's line",))
    process.start()
    end = time.monotonic() + 60
    while not _shm.is_behind():
        assert time.monotonic() < end
    yield
    process.join()


@pytest.mark.usefixtures("behind")
def test_no_lock_is_held_by_whom_a_handler_interrupted(ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise Interrupted

    lock, held = ctx.Lock(), []
    monkeypatch.setattr(_agent, "show", interrupted)
    with pytest.raises(Interrupted), lock:
        held.append(lock)
    assert not held and lock.acquire(False)


@pytest.mark.usefixtures("behind")
def test_it_is_asked_for_once(ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(_agent, "show", lambda: asked.append(1))
    queue = ctx.Queue()
    for number in range(3):
        queue.put(number)
        assert queue.get() == number
    assert asked == [1] and not _shm.is_behind()


def test_nobody_asks_where_nobody_printed(ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(_agent, "show", lambda: asked.append(1))
    with ctx.Pool(2) as pool:
        assert pool.map(abs, range(-9, 0), 1) == list(range(9, 0, -1))
    assert not asked
