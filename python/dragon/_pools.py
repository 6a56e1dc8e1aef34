"""All pools and executors of this process: what becomes of them when the interpreter ends, and in a child that user code forks."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dragon._dispatch import Dispatcher

running: weakref.WeakSet[Dispatcher] = weakref.WeakSet()
exiting = False  # the interpreter ends


def _end_all() -> None:
    """At the interpreter's end, before threads are waited for. After Ctrl-C nothing is waited for, and who waits in another thread ends without a word."""
    global exiting
    exiting = True
    interrupted = getattr(sys, "last_type", None) is KeyboardInterrupt
    for dispatcher in list(running):
        if interrupted or dispatcher.interrupted:
            _end(dispatcher)
        elif dispatcher.settings.finishes:
            dispatcher.close()
    for dispatcher in list(running):
        if dispatcher.settings.finishes:
            dispatcher.join()


def _end(dispatcher: Dispatcher) -> None:
    """Another Ctrl-C has the workers killed at once, and no traceback: the first one's tells all."""
    try:
        dispatcher.terminate(SystemExit(1))
    except KeyboardInterrupt:
        dispatcher.terminate(SystemExit(1))


threading._register_atexit(_end_all)  # type: ignore[attr-defined]


def _after_fork() -> None:
    """In a child of user code: what it asked for would go to the parent's workers, and what they answer would be taken from the parent."""
    for dispatcher in list(running):
        dispatcher.be_anothers()
    running.clear()


os.register_at_fork(after_in_child=_after_fork)
