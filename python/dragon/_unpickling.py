"""What is done when a message could not be unpickled: an exception whose `__init__` wants other arguments than it passed on comes through all the same; of
everything else the error says at what it failed and who sent it. The message was taken whole, so the next one is not touched.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from dragon import _shm

_Unpickler: Any = pickle._Unpickler  # pickle's own in Python, whose single steps can be replaced


class _SecondLook(_Unpickler):  # type: ignore[misc]
    """Knows what it is at; makes exceptions whose constructor refuses."""

    doing = ""

    def find_class(self, module: str, name: str) -> Any:
        self.doing = f"{module}.{name}"
        return super().find_class(module, name)

    def load_reduce(self) -> None:
        args = self.stack.pop()
        function = self.stack[-1]
        self.doing = _name(function)
        try:
            self.stack[-1] = function(*args)
        except Exception:
            if not (isinstance(function, type) and issubclass(function, BaseException)):
                raise
            made = function.__new__(function, *args)
            made.args = args
            self.stack[-1] = made

    def load_newobj(self) -> None:
        self.doing = _name(self.stack[-2])
        super().load_newobj()

    def load_build(self) -> None:
        self.doing = f"the state of {_name(type(self.stack[-2]))}"
        super().load_build()


_SecondLook.dispatch = {
    **_Unpickler.dispatch,
    pickle.REDUCE[0]: _SecondLook.load_reduce,
    pickle.NEWOBJ[0]: _SecondLook.load_newobj,
    pickle.BUILD[0]: _SecondLook.load_build,
}


def second_look(error: Exception, data: Any, buffers: Any, of: str = "") -> Any:
    """The object after all, or the error with more words: at what, and `of` what it was, if not of the message that this thread took last."""
    look = _SecondLook(io.BytesIO(data), buffers=buffers or None)
    sender = _shm.sender()
    try:
        return look.load()
    except Exception:
        size = len(data) + sum(len(each) for each in buffers)
        of = of or f"in a message of {size:,} bytes sent by {_process(sender)}"
        raise told(error, f"while unpickling {look.doing or 'it'}, {of}") from error.__cause__


def told(error: Exception, text: str) -> Exception:
    """The same error with more words, in its message if it has a plain one, else as its cause."""
    if isinstance(error, AttributeError) and "'__main__'" in str(error):
        text += '; is it defined under `if __name__ == "__main__"`, where only the program itself has it?'
    if error.args and str(error) == error.args[0]:
        error.args = (f"{error.args[0]} ({text})", *error.args[1:])
        if isinstance(error, ImportError):
            error.msg = error.args[0]
    elif error.__cause__ is None:
        error.__cause__ = pickle.UnpicklingError(f"failed {text}")
    return error


def _process(sender: tuple[int, int] | None) -> str:
    return "a process that has ended" if sender is None else f"process {sender[0]} (OS pid {sender[1]})"


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', repr(thing))}"
