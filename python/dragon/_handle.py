"""How a reference to an object in shared memory travels: pickled at any time, by any means, to any process of the run.

A handle on its way is a *pin* in the agent's book, from its pickling until it is bound; the receiver's own reference then keeps the object. A pin that went
with the arguments of a process ends with that process at the latest, so a child that is killed at its start leaves nothing behind; one that went into a message ends
with the channel at the latest; and any other with the process that made it, if that is killed.
"""

from __future__ import annotations

import collections
import threading
from contextlib import contextmanager
from multiprocessing import context
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dragon import _agent, _shm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
Pinned = tuple[int, int, int, int]  # offset, id, role, token

_DISORDER = 100  # numbers

_collecting = threading.local()

# How many handles this process has exported, and the last of them, each with its number and thread: those of a pickle that came to nothing are taken back.
# The numbers go up, but for a few that threads which interrupt each other put into the wrong order.
exported = 0
_last: collections.deque[tuple[int, int, Handle]] = collections.deque(maxlen=1 << 12)


class Handle(NamedTuple):
    """The name of an object: the run's random id, its place and id (which tells its node), what its holder may do, and the pin it travels with."""

    run_id: bytes
    offset: int
    id: int
    role: int
    token: int


def export(thing: Any) -> tuple[Any, ...]:
    """The handle of an object, as a plain tuple. The object lives until it is bound."""
    global exported
    place = _agent.attach()
    token = thing.pin()
    popen = context.get_spawning_popen()
    pins = getattr(popen, "pins", None)
    if pins is not None:
        pins.append((thing.offset, thing.id, thing.role, token))
    held = getattr(_collecting, "held", None)
    if held is not None:
        held.append((thing.offset, thing.id, thing.role, token))
    handle = Handle(place.run_id, thing.offset, thing.id, thing.role, token)
    exported += 1
    _last.append((exported, threading.get_ident(), handle))
    return tuple(handle)


def exported_since(number: int) -> list[Pinned]:
    """What this thread exported since `exported` was `number`."""
    if number == exported:
        return []
    me = threading.get_ident()
    most = min(exported - number + _DISORDER, len(_last))
    recent = [_last[-i] for i in range(1, most + 1)]  # one that another thread adds meanwhile shows one of them twice
    return [handle[1:] for count, thread, handle in recent if count > number and thread == me]


def carry(channel: _shm.Channel, since: int) -> None:
    """What this thread exported since `exported` was `since` goes into a message of the channel: if that is lost, or the channel with it, nobody will bind it.

    To be called before the message is sent. Who takes it binds what is in it while he has the channel.
    """
    for _, _, _, token in exported_since(since):
        _shm.carry(channel.offset, channel.id, token)


def take_back(since: int) -> None:
    """Unpins what this thread exported since `exported` was `since`: nobody will ever bind it, for what it is part of was not sent."""
    give_up(exported_since(since))


@contextmanager
def collected() -> Iterator[list[Pinned]]:
    """The handles that this thread makes inside; those that are then sent to nobody are to be given to `give_up`."""
    held: list[Pinned] = []
    _collecting.held = held
    try:
        yield held
    finally:
        _collecting.held = None


def bind(kind: type[T], state: tuple[Any, ...]) -> T:
    """The object that a handle names, in this process."""
    thing = kind.arrive(state)  # type: ignore[attr-defined]
    return thing if thing is not None else _arrive_first(kind, state)  # type: ignore[no-any-return]


def _arrive_first(kind: Any, state: tuple[Any, ...]) -> Any:
    """Binds where this process is no client of that run, or not yet."""
    handle = Handle(*state)
    try:
        place = _agent.reach(handle.run_id, (handle.id >> 32) - 1)
    except _shm.RunOver as error:
        raise _foreign(kind, handle, str(error.args[-1])) from None
    thing = kind.arrive(state)
    if thing is None:
        raise _foreign(kind, handle, f"here is {place.run_id.hex()}")
    return thing


def _foreign(kind: type, handle: Handle, why: str) -> _shm.NoSuchObject:
    return _shm.NoSuchObject(
        f"this {kind.__name__.lower()} belongs to another run ({handle.run_id.hex()}; {why}): "
        "an object can be used only within the run that made it"
    )


def give_up(pins: Iterable[Pinned]) -> None:
    """Takes back handles that will not arrive. Those that have arrived, or were taken back, are none the worse for it."""
    try:
        for offset, number, role, token in pins:
            if role == _shm.USER:
                _shm.unpin(offset, number, role, token)
            else:
                _give_up_end(offset, number, role, token)
    except _shm.RunOver:
        pass  # nothing is kept any more


def _give_up_end(offset: int, number: int, role: int, token: int) -> None:
    """Who closes that end next must find it closed, if it was the last."""
    try:
        end = _shm.Channel.bind(offset, number, role)
    except _shm.NoSuchObject:
        return
    end.unpin(token)
    end.release()
