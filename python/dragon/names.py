"""Names by which the processes of a run find each other's objects.

    queue = dragon.names.get_or_create("results", multiprocessing.Queue)     # the same queue in whichever process asks

    dragon.names.publish("config", {"queue": queue, "lock": lock})           # in one process
    config = dragon.names.lookup("config", timeout=10)                       # in any other, before or after

A name stands for any object that can be sent through a queue, as it was when it was published; Dragon's objects in it (queues, locks, pipes, ...) are shared, and live at least as
long as the name. A name is withdrawn when the process that published it ends, however it ends, unless it was published with `keep`. When the run ends, waiting look-ups
end with an error (an OSError), as all waits do.
"""

from __future__ import annotations

import pickle
import time
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

from dragon import _agent, _handle, _shm
from dragon._control import Lookup, Named, Publish, StopWaiting, Withdraw

if TYPE_CHECKING:
    from dragon._control import FrameBody

__all__ = ["NameTaken", "NameUnknown", "get_or_create", "lookup", "publish", "withdraw"]

T = TypeVar("T")


class NameTaken(ValueError):
    """The name is published already; the text says by whom."""


class NameUnknown(LookupError):
    """Nobody has published the name, or not within the time limit."""


def publish(name: str, thing: Any, *, keep: bool = False, replace: bool = False) -> None:
    """Has `name` stand for `thing` until it is withdrawn, or this process ends; with `keep`, until the run ends.

    Raises NameTaken if it is published already, unless `replace`; ValueError if the object's pickle is larger than 1 MiB, or those of all names together than 64 MiB; and what pickling it raises.
    """
    _publish(name, thing, keep, Publish.REPLACE if replace else Publish.REFUSE)


def lookup(name: str, timeout: float | None = None) -> Any:
    """What `name` stands for: waits until it is published, at most `timeout` seconds (0: does not wait), else as long as the run lasts.

    The death of who was to publish it is no news to those who wait: another process may do so. Raises NameUnknown when the time is over.
    """
    named = _ask(Lookup(_checked(name)))
    if named.found:
        try:
            return pickle.loads(named.value)
        except _shm.NoSuchObject:
            pass  # withdrawn meanwhile, which the next look shows
    return _await(name, timeout, named.serial)


def withdraw(name: str) -> None:
    """Has `name` stand for nothing. Whoever found its object keeps it. Any process may do so; raises NameUnknown if nobody has published it."""
    if not _ask(Withdraw(_checked(name))).found:
        raise NameUnknown(f"the name {name!r} cannot be withdrawn: no process of this run has published it")


def get_or_create(name: str, create: Callable[[], T], *, keep: bool = True) -> T:
    """What `name` stands for; if nobody has published it, what `create()` returns, which is then published.

    All processes that ask get the same object, even if they ask at the same moment; then `create` may be called in more than one, and what is not needed is dropped.
    By default the name stays for the whole run: the object is nobody's own. Errors as for `publish`.
    """
    seen = 0
    while True:
        named = _ask(Lookup(_checked(name)))
        if not named.found:
            thing = create()
            named = _publish(name, thing, keep, Publish.GIVE)
            if not named.found:
                return thing
        try:
            return cast(T, pickle.loads(named.value))
        except _shm.NoSuchObject:
            if named.serial == seen:
                raise
            seen = named.serial


def _checked(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    return name


def _ask(body: FrameBody) -> Named:
    answer = _agent.call(body)
    assert isinstance(answer, Named)
    return answer


def _publish(name: str, thing: Any, keep: bool, if_taken: int) -> Named:
    from multiprocessing.reduction import ForkingPickler

    with _handle.collected() as held:
        try:
            value = bytes(ForkingPickler.dumps(thing))
            references = [offset | role for offset, _, role, _ in held]
            return _ask(Publish(_checked(name), value, references, keep, if_taken))
        except _agent.Refused as refusal:
            if refusal.kind == "taken":
                raise NameTaken(*refusal.args) from None
            raise
        finally:
            _handle.give_up(held)


def _await(name: str, timeout: float | None, seen: int) -> Any:
    """Waits for the name; `seen` is the publication whose object was gone already."""
    limit = None if timeout is None else time.monotonic() + timeout
    event = _shm.Event.create()
    try:
        while True:
            event.clear()
            named = _ask(Lookup(name, event.offset, event.id))
            if named.found:
                try:
                    return pickle.loads(named.value)
                except _shm.NoSuchObject:
                    if named.serial == seen:
                        raise
                    seen = named.serial
                    continue
            left = None if limit is None else max(0.0, limit - time.monotonic())
            if not event.wait(left):
                within = f" within {timeout:g} seconds" if timeout else ""
                raise NameUnknown(
                    f"no process of this run has published the name {name!r}{within}; is it spelled alike where it is published, and does "
                    "its publisher live (a name goes with it, unless it was published with keep=True)?"
                )
    finally:
        try:
            _agent.tell(StopWaiting(event.id))
        finally:
            event.release()
