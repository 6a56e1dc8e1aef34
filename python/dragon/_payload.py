"""What a child is given: its process object, on its way.

A plain Process travels as the values that only its parent knows, and is put together again: to find its class by name, and to read what the child knows anyway, costs a child
a dozen copied pages (`_worker`). Any other object of a process travels as it pickles.
"""

from __future__ import annotations

import builtins
import pickle
from multiprocessing import context, process
from typing import Any, Callable

from dragon import _shm

# Where pickle looks for `__import__` while `read` is the Python function that it was called from. The real one looks at more of a module that is there, and at its package's.
globals()["__builtins__"] = {**vars(builtins), "__import__": _shm.import_known}

_Process: Any = context.Process
_new = object.__new__
_PLAIN = frozenset(
    ["_identity", "_config", "_parent_pid", "_parent_name", "_popen", "_closed", "_target", "_args", "_kwargs", "_name"]
)  # what `Process()` gives an object


def told(mine: process.BaseProcess) -> Any:
    """What is to be pickled of a process object, by its parent."""
    state: dict[str, Any] = mine.__dict__
    if type(mine) is not _Process or state.keys() != _PLAIN or state["_popen"] is not None or state["_closed"]:
        return mine
    config = dict(state["_config"])
    if config.pop("authkey", None) is not process.current_process()._config.get("authkey"):  # type: ignore[attr-defined]
        return mine
    return (
        state["_identity"],
        config,
        state["_parent_name"],
        state["_target"],
        state["_args"],
        state["_kwargs"],
        state["_name"],
    )


def read(payload: bytes, authkey: Any, loads: Callable[[bytes], Any] = pickle.loads) -> Any:
    """The process object, in the child. Raises what is raised by what it is made of."""
    mine = loads(payload)
    if type(mine) is tuple:
        given = mine
        mine = _new(_Process)
        mine._identity, config, mine._parent_name, mine._target, mine._args, mine._kwargs, mine._name = given
        config["authkey"] = authkey
        mine._config = config
        mine._parent_pid = mine._popen = None
        mine._closed = False
    return mine
