"""What something comes to, in words that are the same in every run: no addresses, numbers of processes, random names; no word of which start method it was."""

from __future__ import annotations

import re
from typing import Any, Callable

_SAME = [
    (r" at 0x[0-9a-fA-F]+", " at 0x.."),
    (r"\b(pid|parent|ident)=\d+", r"\1=N"),
    (r"\b(Spawn|Dragon|Base)(Process|PoolWorker|Context)\b", r"\2"),
    (r"\b(DragonExecutorWorker|Process)-[\d:]+", "Process-N"),
    (r"\bPoolWorker-[\d:]+", "PoolWorker-N"),
    (r"\bdragon\.(_shm|pool|queues|synchronize|connection|sharedctypes|shared_memory|managers|context|process)\b", r"multiprocessing.\1"),
    (r" \(while unpickling [^()]*(\([^()]*\))?\)", ""),
    (r" \((obj|args|chunk|kwds|result|task|initargs)\b[^()]*\)", ""),
    (r"<socket\.socket [^>]*>", "<socket>"),
    (r"^Current thread 0x[0-9a-f]+", "Current thread"),
    (r"/?psm_[0-9a-f]+", "psm_.."),
    (r"\bdifferential_\d+_", "differential_"),
    (r"\b(wnsm|pym|listener)[-_][\w-]+", r"\1.."),
]  # fmt: skip


def plain(text: str) -> str:
    """A text without what differs from run to run."""
    text = text.replace("dragon._results.", "multiprocessing.pool.")
    for pattern, instead in _SAME:
        text = re.sub(pattern, instead, text)
    return text


def kind(error: BaseException) -> str:
    """The name of an exception's class; of a class of ours, that of the standard library's that it is."""
    return next(each.__qualname__ for each in type(error).__mro__ if not each.__module__.startswith("dragon"))


def of_error(error: BaseException) -> str:
    """The class, the arguments, what `str` gives, and the kind of the cause."""
    arguments = ", ".join(map(repr, error.args))
    text = f"{kind(error)}({arguments})"
    if str(error) not in (*error.args, arguments):
        text += f" {str(error)!r}"
    if error.__cause__ is not None:
        text += f" from {kind(error.__cause__)}"
    return plain(text)


def told(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """What a call comes to: what it returns, or raises."""
    try:
        return plain(repr(function(*args, **kwargs)))
    except BaseException as error:
        return of_error(error)


def short(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call returns, or the name of the class of what it raises, whose text is nobody's business."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__


def calls(thing: Any, *wanted: Any) -> list[str]:
    """What several calls of a thing's methods come to, each given as the method's name and its arguments."""
    return [told(getattr(thing, name), *args) for name, *args in wanted]


def of_output(text: str) -> list[str]:
    """The lines that were written; of a traceback only who says it and what it says, not where in whose code."""
    return [plain(line) for line in text.splitlines() if not line.startswith("  ")]


def caught(kinds: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """As `told`, for calls whose error may be of a better class, and say more: of an error that `except kinds` catches only that it does."""
    try:
        return plain(repr(function(*args, **kwargs)))
    except kinds:
        return f"caught by {kinds}"
    except BaseException as error:
        return of_error(error)
