"""Says which limit is reached where the operating system says no more than an errno."""

from __future__ import annotations

import errno
import os
import resource  # here: a module cannot be loaded when descriptors are used up
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def named(what: str) -> Iterator[None]:
    """An error of a limit inside becomes one of the same type and errno that names the limit, need and have, and how to raise it."""
    try:
        yield
    except OSError as error:
        text = words(error.errno)
        if text is None or type(error) is not OSError or error.strerror != os.strerror(error.errno or 0):
            raise  # it says more already: of another process, the agent or a zygote
        raise OSError(error.errno, f"{what} needs another descriptor, and {text}") from None


def words(number: int | None) -> str | None:
    """What an errno says of a limit of descriptors; None if it is about something else."""
    if number == errno.EMFILE:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = "no more than that" if hard == soft else "any number" if hard == resource.RLIM_INFINITY else str(hard)
        return (
            f"all {soft} that this process (pid {os.getpid()}) may have are open; close some, or raise the limit "
            f"(ulimit -n, or resource.setrlimit; up to the hard limit, which allows {most})"
        )
    if number == errno.ENFILE:
        return "all that the machine may have are open; close some, or raise the limit (sysctl fs.file-max)"
    return None
