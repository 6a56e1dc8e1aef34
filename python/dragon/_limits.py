"""Says which limit is reached where the operating system says no more than an errno."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False  # as typing's, whose import costs more than this module
if TYPE_CHECKING:
    from types import TracebackType


class named:
    """An error of a limit in a `with` block of this becomes one of the same type and errno that names the limit, need and have, and how to raise it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if type(error) is OSError and error.strerror == os.strerror(error.errno or 0):
            text = words(error.errno)  # else it says more already: of another process, the agent or a zygote
            if text is not None:
                raise OSError(error.errno, f"{self._what} needs another descriptor, and {text}") from None


def of_import(error: ImportError | OSError, what: str) -> OSError | None:
    """The error to raise in place of this one, if `what` could not load a module for want of a descriptor."""
    if isinstance(error, ImportError):
        number = errno.EMFILE if os.strerror(errno.EMFILE) in str(error) else None
    else:
        number = error.errno if error.strerror == os.strerror(error.errno or 0) else None
    text = words(number)
    return None if number is None or text is None else OSError(number, f"{what} needs another descriptor, and {text}")


def words(number: int | None) -> str | None:
    """What an errno says of a limit of descriptors; None if it is about something else."""
    if number == errno.EMFILE:
        soft = os.sysconf("SC_OPEN_MAX")
        return (
            f"all {soft} that this process (pid {os.getpid()}) may have are open; close some, or raise the limit "
            f"(ulimit -n, or resource.setrlimit; up to the hard limit{_hard(soft)})"
        )
    if number == errno.ENFILE:
        return "all that the machine may have are open; close some, or raise the limit (sysctl fs.file-max)"
    return None


def no_process() -> str:
    """Words for an EAGAIN with which no process or thread could be made."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limit = "without limit" if most == resource.RLIM_INFINITY else f"{most} in all (ulimit -u), {_of_user()} are there"
    return (
        f"the system gives no more processes and threads; user {os.getuid()} may have {limit}; end some, or raise that, or a container's own limit "
        "(pids.max of its control group)"
    )


def _of_user() -> int:
    """How many processes and threads this user has, as far as can be seen."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            pass  # it has just ended
    return count


def _hard(soft: int) -> str:
    """What the hard limit of descriptors allows, unless it cannot be asked for: the module that does may need one to be loaded."""
    try:
        import resource
    except (ImportError, OSError):
        return ""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = "no more than that" if hard == soft else "any number" if hard == resource.RLIM_INFINITY else str(hard)
    return f", which allows {most}"
