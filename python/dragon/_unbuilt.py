"""What to do where this package's compiled parts are missing, of another place or of another machine: in words."""

from __future__ import annotations

import errno
import os

from dragon._build import HOME

BUILD = os.path.join(HOME, "build-support", "build")

_OWNER = f"its owner built it for himself alone; he can run chmod -R a+rX {HOME}"


def extension(error: ImportError) -> ImportError:
    """The error to raise when the extension `dragon._shm` cannot be imported, which `error` tells."""
    if os.strerror(errno.EMFILE) in str(error):
        return error  # not the extension's fault
    if isinstance(error, ModuleNotFoundError):
        text = f"Dragon is not built: run {BUILD}"
    else:
        text = f"Dragon's extension cannot be loaded: {error}; {_mend(str(error))}"
    return ImportError(text, name="dragon._shm", path=error.path)


def _mend(words: str) -> str:
    """What to do when the dynamic loader says this."""
    if "failed to map" in words:
        return f"nothing may be executed where it lies (a file system mounted noexec?): move {HOME}, or remount that"
    if "Permission denied" in words:
        return _OWNER
    return f"it was built for another machine or Python: run {BUILD} here"


def runtime(error: OSError) -> str:
    """Words for a file of the run-time that cannot be read."""
    if isinstance(error, PermissionError):
        return f"Dragon's run-time cannot be read ({error.filename}): {_OWNER}"
    return f"Dragon's run-time is not built ({error.filename} is missing): run {BUILD}"


def changed(culprit: str) -> str:
    """Words for a build of other sources."""
    return f"the sources of Dragon in {HOME} changed since they were built ({culprit}): run {BUILD}, or ./dragon, which does so by itself"


def moved(before: str) -> str:
    """Words for a checkout that was built when it lay elsewhere."""
    return f"Dragon was built in {before}, and is in {HOME} now: run {BUILD}"


def not_started(error: OSError, java: str) -> str:
    """Words for a run-time of which a program cannot be started: its Java, or the keeper, which begins it."""
    from dragon import _limits

    limit = _limits.words(error.errno)
    if limit is not None:
        return f"starting the run-time needs another descriptor, and {limit}"
    if isinstance(error, BlockingIOError):
        return f"starting the run-time needs another process: {_limits.no_process()}"
    if isinstance(error, (FileNotFoundError, PermissionError)):
        program = error.filename or java
        what = "the Java that Dragon was built with" if program == java else "a part of Dragon"
        return f"{what} cannot be run ({program}: {error.strerror}): run {BUILD}"
    return f"cannot start the run-time ({java}): {error.strerror}"
