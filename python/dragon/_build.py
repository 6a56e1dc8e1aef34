"""Which build of the compiled parts this package goes with, and whether that was made from the sources as they are now."""

from __future__ import annotations

import os

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LIB = os.path.join(HOME, "build", "lib")


def check() -> None:
    """Raises ImportError if the compiled parts are of other sources than those that lie here now: after `git pull`, they do not fit this package any more."""
    culprit = changed_since()
    if culprit is not None:
        from dragon import _unbuilt

        raise ImportError(_unbuilt.changed(culprit), name="dragon._shm")


def changed_since() -> str | None:
    """A file or folder that is not as it was when the build was made; None if there is none, or no build of this place.

    Looks only into folders whose own time is another one. It is where git, tar or most editors have changed a file: they put a new one in its place. What was
    written into a file itself, `./dragon` sees.
    """
    try:
        built_in, *folders = _record("folders")
    except FileNotFoundError:  # never built, or by a build of before there was such a list
        return "build-support" if os.path.exists(os.path.join(LIB, "sources")) else None
    if built_in != HOME:
        return None
    changed = set()
    for line in folders:
        folder, _, time = line.rpartition(" ")
        if _time_of(folder) != _nanoseconds(time):
            changed.add(folder)
    return _culprit(changed, folders) if changed else None


def jar() -> str:
    """The path of the run-time's jar, whose name holds a hash of what it was built from; empty if there is none."""
    try:
        last = _record("jvm.options")[-1]
    except OSError:
        return ""
    return os.path.join(LIB, os.path.basename(last).rstrip('"'))


def _culprit(changed: set[str], folders: list[str]) -> str | None:
    """The first by name of what is in one of these folders and not as recorded, or not there any more."""
    was: dict[str, tuple[int, int]] = {}
    for line in folders:
        name = line.rpartition(" ")[0]
        if os.path.dirname(name) in changed:
            was[name] = 0, 0
    for line in _record("sources")[1:]:
        name, size, time = line.rsplit(" ", 2)
        if os.path.dirname(name) in changed:
            was[name] = int(size), _nanoseconds(time)
    now: dict[str, tuple[int, int]] = {}
    for folder in changed:
        try:
            entries = list(os.scandir(os.path.join(HOME, folder)))
        except FileNotFoundError:
            return folder
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            now[f"{folder}/{entry.name}"] = (0, 0) if entry.is_dir() else (status.st_size, status.st_mtime_ns)
    return min((name for name in was.keys() | now.keys() if was.get(name) != now.get(name)), default=None)


def _record(name: str) -> list[str]:
    with open(os.path.join(LIB, name), encoding="utf-8", errors="surrogateescape") as file:
        return file.read().rstrip("\n").split("\n")


def _nanoseconds(time: str) -> int:
    seconds, _, fraction = time.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def _time_of(folder: str) -> int:
    try:
        return os.stat(f"{HOME}/{folder}").st_mtime_ns
    except FileNotFoundError:
        return 0
