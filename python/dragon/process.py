"""The Process of the start method "dragon", and what every Process object learns when that method is in use.

`multiprocessing.Process`, which users subclass, is one class for all start methods. It shows the numbers and the sentinel of Dragon's processes because
the properties of its base class are told to ask first whose process it is.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from dragon.popen import Popen


class DragonProcess(process.BaseProcess):
    """A process of the run: forked from a warm interpreter, with the semantics of `spawn`."""

    _start_method = "dragon"
    os_pid: int | None  # a property; see extend_processes

    @staticmethod
    def _Popen(process_obj: process.BaseProcess) -> Popen:
        from dragon.context import begin

        begin()
        try:
            from dragon.popen import Popen
        except (ImportError, OSError) as error:
            from dragon import _limits

            told = _limits.of_import(error, "starting a process")
            if told is None:
                raise
            raise told from None

        if "multiprocessing.connection" in sys.modules:
            from dragon import connection  # noqa: F401  (this process may connect to a listener of that one)

        return Popen(process_obj)

    @staticmethod
    def _after_fork() -> None:
        """Nothing of the zygote's is to be undone, unless modules of the user's made something in it that is."""
        from dragon import _template

        if _template.hooked():
            process.BaseProcess._after_fork()  # type: ignore[attr-defined]


_FEW = 64  # children
_stock_cleanup = process._cleanup  # type: ignore[attr-defined]
_stock_start = process.BaseProcess.start
_many = _FEW
_stock_sentinel = vars(process.BaseProcess)["sentinel"]
_stock_repr = process.BaseProcess.__repr__
_stock_ident = vars(process.BaseProcess)["ident"]


def _ours(self: Any) -> Popen | None:
    """The Popen of a process that Dragon started; None for any other Process object."""
    popen = self._popen
    return popen if popen is not None and getattr(popen, "method", None) == "dragon" else None


def _in_a_run() -> bool:
    agent = sys.modules.get("dragon._agent")
    return agent is not None and agent.attached()


def _ident(self: Any) -> int | None:
    """Identifier of the process, or None if it has yet to start: the run-time's id, or the operating system's pid (DRAGON_PID=os)."""
    self._check_closed()
    if self is process._current_process:  # type: ignore[attr-defined]
        from dragon import context

        if context.is_default() or _in_a_run():
            from dragon import _identity

            return _identity.current()
    number: int | None = _stock_ident.fget(self)
    return number


def _os_pid(self: Any) -> int | None:
    """The operating system's pid of the process, or None if it has yet to start."""
    self._check_closed()
    if self is process._current_process:  # type: ignore[attr-defined]
        return os.getpid()
    popen = _ours(self)
    number: int | None = popen.os_pid if popen is not None else _stock_ident.fget(self)
    return number


def _sentinel(self: Any) -> int:
    """A descriptor that is readable once the process has ended."""
    self._check_closed()
    popen = _ours(self)
    number: int = popen.open_sentinel() if popen is not None else _stock_sentinel.fget(self)
    return number


def _repr(self: Any) -> str:
    """As multiprocessing's; the parent of one of Dragon's processes is shown by the number that its own `pid` shows."""
    text: str = _stock_repr(self)
    if _ours(self) is None or self._parent_pid != os.getpid():
        return text
    from dragon import _identity

    before, parent, after = text.rpartition(f" parent={self._parent_pid} ")
    return f"{before} parent={_identity.current()} {after}" if parent else text


def _cleanup() -> None:
    """Forgets the children that have ended: always for who asks which there are, but for start() only when there may be twice as many as last time. Each start()
    looked at all of them, which for ten thousand takes longer than the start; Dragon's need no look to be reaped."""
    global _many
    children = process._children  # type: ignore[attr-defined]
    if len(children) < _many and sys._getframe(1).f_code is _stock_start.__code__:
        return
    _stock_cleanup()
    _many = max(_FEW, 2 * len(children))


def _forget_children() -> None:
    """In a child that user code forks: its parent's children are not its own, and its end, which ends and joins what is left of its own, must not be theirs."""
    children = process._children  # type: ignore[attr-defined]
    children.difference_update([child for child in children if _ours(child) is not None])


def _property(owner: Any, name: str, getter: Callable[[Any], Any]) -> property:
    """One that knows its name, which is in the error when somebody sets it."""
    made = property(getter)
    if hasattr(made, "__set_name__"):  # from Python 3.10 on
        made.__set_name__(owner, name)
    return made


def extend_processes() -> None:
    """Tells multiprocessing's Process classes about Dragon's processes; for others they stay what they are."""
    base: Any = process.BaseProcess
    if vars(base)["ident"] is _stock_ident:
        for name, getter in (("ident", _ident), ("pid", _ident), ("os_pid", _os_pid), ("sentinel", _sentinel)):
            setattr(base, name, _property(base, name, getter))
        base.__repr__ = _repr
        process._cleanup = _cleanup  # type: ignore[attr-defined]
        os.register_at_fork(after_in_child=_forget_children)
