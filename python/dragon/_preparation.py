"""What a parent tells its children beside setting and process object: multiprocessing's preparation data, and who the parent is.

It is mostly the same for all children of a program. So it travels as bytes that the zygote compares, reads, and takes on itself: its next children are born prepared.
The zygote must run no code of the user's: what it reads are plain values (marshal). Where a user's program has put others among them, they are pickled, and each
child prepares itself.
"""

from __future__ import annotations

import importlib
import marshal
import os
import pickle
import sys
import time
import types
from importlib.machinery import FileFinder, PathFinder
from multiprocessing import spawn
from typing import Any

from dragon import _agent, _guard, _identity, _interpreter, _main_code, _template, popen

_PLAIN, _PICKLED = b"m", b"p"
_NO_REFERENCES = 2  # the version of marshal's format in which equal values are equal bytes
_MAIN = ("init_main_from_name", "init_main_from_path")


def encoded(name: str, tracked: bool) -> bytes:
    """What this process tells a child of that name. `tracked`: the first descriptor that is passed leads to the resource tracker."""
    try:
        data: dict[str, Any] = spawn.get_preparation_data(name)
    except FileNotFoundError:
        data = _in_no_folder(name)
    if data.get("init_main_from_path", "").endswith(">"):  # <stdin>: what a child needs of it comes by value
        del data["init_main_from_path"]
    for own in (
        "name",
        "dir",
        "dragon",
    ):  # each child's own, with its folder in the setting; and what children of ours know
        data.pop(own, None)
    data["authkey"] = bytes(data["authkey"])
    data["start_method"] = str(data["start_method"])
    pid = os.getpid()
    parent = _identity.shown(_agent.attach().process_id, pid), pid, popen.started(pid)
    told = data, parent, _identity.style(), tracked, _interpreter.shared_modules()
    try:
        return _PLAIN + marshal.dumps(told, _NO_REFERENCES)
    except ValueError:
        return _PICKLED + pickle.dumps(told)


def _in_no_folder(name: str) -> dict[str, Any]:
    """The preparation data of a process whose working directory was deleted, for which multiprocessing asks and which is not taken from there."""
    nowhere = types.SimpleNamespace(**vars(os))
    nowhere.getcwd = lambda: "/"
    data: dict[str, Any] = types.FunctionType(spawn.get_preparation_data.__code__, {**vars(spawn), "os": nowhere})(name)
    return data


class Preparation:
    """What a child was told. `parent`: the parent's id as `pid` shows it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        read = marshal.loads if raw[:1] == _PLAIN else pickle.loads
        self.data, (self.parent, os_pid, began), self.style, self.tracked, self.modules = read(raw[1:])
        self.sentinel = popen.ParentSentinel(os_pid, began)
        self._taken = False

    def take(self) -> None:
        """This process is as it was told to be, but for the program's main module."""
        if not self._taken:
            spawn.prepare({key: value for key, value in self.data.items() if key not in _MAIN})
            _identity.set_style(self.style)
            self._taken = True

    def has_main(self) -> bool:
        """Has this process the program's main module, or is there none that it could have?"""
        return _template.has_main(self.data) or not any(key in self.data for key in _MAIN)

    def run_main(self) -> None:
        """Makes the program's main module."""
        run_main(self.data)


def run_main(data: dict[str, Any]) -> None:
    """Makes a program's main module, as `__mp_main__`. Raises GuardMissing where that would start what only the program itself may start."""
    path = data.get("init_main_from_path")
    if path is not None and os.path.basename(path) == "<stdin>":
        return  # a program read from standard input can be read only once
    try:
        if path is None or not _main_code.run(path):
            spawn.prepare({key: data[key] for key in _MAIN if key in data})
    except RuntimeError as error:
        raise _guard.missing(error) or error from None


def learn(raw: bytes) -> Preparation | None:
    """For the zygote, whose next children will be told the same; None if it is for them to read."""
    if raw[:1] != _PLAIN:
        return None
    told = Preparation(raw)
    if told.data["log_to_stderr"] or "log_level" in told.data:
        return None  # what a logger was told is not undone by telling it anew
    path = told.data.get("init_main_from_path")
    sys.path = _own_path
    for name in told.modules:
        importlib.import_module(name)
    if path is not None:
        _main_code.learn(path)
    told.take()
    _look_around()
    return told


def _look_around() -> None:
    """Has the import system list the folders of the path now, for all children to come. What changes later it notices by the folder's time."""
    importlib.invalidate_caches()
    PathFinder.find_spec(f"{__name__} looks for what is nowhere")
    for folder, finder in sys.path_importer_cache.items():
        try:
            recent = time.time() - os.stat(folder).st_mtime < _COARSE
        except OSError:
            recent = True
        if recent and isinstance(finder, FileFinder):
            finder.invalidate_caches()  # a change within the same tick of the clock could not be told


_COARSE = 2.0  # seconds: the coarsest clock that a file system's times are taken from


_own_path = sys.path  # where the zygote's own imports come from, whatever a program's path is
