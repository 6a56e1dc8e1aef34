"""What is said when a worker of a pool or an executor ends without having finished its task."""

from __future__ import annotations

import os
import reprlib
import signal
from multiprocessing import ProcessError, pool
from typing import TYPE_CHECKING, Any

from dragon import (
    _end as _end,  # which popen would import when the first worker has died, with perhaps no descriptor left to do so
)

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_SHORT = 100  # characters of an argument that are shown


class WorkerDied(ProcessError):
    """The worker that ran this task ended without finishing it: it was killed, crashed, or left. The task may have been done in part.

    All fields are plain values, so the error travels between processes as it is.
    """

    name: str  # the worker's, as `Process.name`
    id: int  # the worker's id, as `Process.pid` shows it
    os_pid: int  # the operating system's pid
    host: str
    exitcode: int | None  # as `Process.exitcode`: negative for a signal
    signal: signal.Signals | None  # what killed it; None if it left by itself
    how: str  # its end in words
    task: str  # what it was at work on, as a call
    stderr: str  # the last lines it wrote to its standard error, as far as the run-time saw them

    def __init__(self, *facts: Any) -> None:
        (self.name, self.id, self.os_pid, self.host, self.exitcode, self.how, self.task, self.stderr) = facts
        self.signal = _signal(self.exitcode)
        super().__init__(*facts)

    def __str__(self) -> str:
        text = f"{self.name} (id {self.id}, pid {self.os_pid} on {self.host}) {self.how} while it ran this task: {self.task}"
        return f"{text}\nThe last lines of its stderr:\n{self.stderr}" if self.stderr else text


class InitializerFailed(ProcessError):
    """No worker can be made ready: the initializer raised (that is the cause of this error), or new workers end before they are ready for a task."""


def facts(process: BaseProcess, task: tuple[Any, ...]) -> tuple[Any, ...]:
    """The fields of WorkerDied for a process that has ended, and the task it had in hand."""
    popen: Any = process._popen  # type: ignore[attr-defined]
    end = popen.end
    return (
        process.name,
        popen.pid,
        popen.os_pid,
        os.uname().nodename,
        process.exitcode,
        how(process),
        call(task),
        end.last_words,
    )


def how(process: BaseProcess) -> str:
    """How a process ended, in words."""
    end = process._popen.end  # type: ignore[attr-defined]
    return f"was {end.words}" if end.code < 0 else str(end.words)


def tail(process: BaseProcess) -> str:
    """The last lines that a process wrote to its standard error."""
    words: str = process._popen.end.last_words  # type: ignore[attr-defined]
    return words


def call(task: tuple[Any, ...]) -> str:
    """A task as a user would write it: `package.function(argument)`, and which of several it is."""
    _, index, function, args, kwds = task
    words = [_repr(each) for each in args] + [f"{name}={_repr(value)}" for name, value in kwds.items()]
    if function is pool.mapstar or function is pool.starmapstar:  # type: ignore[attr-defined]
        function, items = args[0]  # a chunk of a map
        words = [_repr(items[0])] if len(items) == 1 else [f"... {len(items)} items from {_repr(items[0])} on"]
    module, name = _name(function)
    number = f" ({which(task)})" if index else ""
    return f"{module}.{name}({', '.join(words)}){number}"


def which(task: tuple[Any, ...]) -> str:
    """Which task of a map it is."""
    return f"task {task[1]} of its job, counted from 0"


def _name(function: Any) -> tuple[Any, str]:
    """Its module and name, or its class's. Asking a user's object runs the user's code."""
    try:
        return function.__module__, function.__qualname__
    except Exception:
        return type(function).__module__, type(function).__qualname__


def _repr(thing: Any) -> str:
    try:
        words = reprlib.repr(thing)
    except Exception:
        words = f"<{type(thing).__qualname__}>"
    return words if len(words) <= _SHORT else words[: _SHORT - 3] + "..."


def _signal(code: int | None) -> signal.Signals | None:
    try:
        return signal.Signals(-code) if code is not None and code < 0 else None
    except ValueError:  # a real-time signal has no name
        return None
