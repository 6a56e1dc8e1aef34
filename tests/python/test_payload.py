"""A process object on its way to the process that it is to be."""

from __future__ import annotations

import multiprocessing as mp
import pickle
import sys
from multiprocessing import context, process
from typing import Any

import pytest
from dragon import _payload, _shm

KEY = process.current_process().authkey


def target(*args: Any) -> None:
    """Is given by name."""


class Own(mp.Process):
    """A user's."""


def test_a_plain_process_arrives_as_it_was() -> None:
    sent = mp.Process(target=target, name="it", args=(1, "two"), kwargs={"three": 3}, daemon=True)
    told = _payload.told(sent)
    assert KEY not in told[1].values(), "what the child knows"
    came = _payload.read(pickle.dumps(told), KEY)
    assert type(came) is context.Process
    assert came._config["authkey"] is KEY
    assert vars(came) == {**vars(sent), "_parent_pid": None}
    assert (came.name, came.daemon) == ("it", True)


@pytest.mark.parametrize("way", ["attribute", "class", "config"])
def test_what_is_more_than_plain_travels_whole(way: str) -> None:
    sent: Any = Own(target=target) if way == "class" else mp.Process(target=target)
    if way == "attribute":
        sent.result = 5
    if way == "config":
        sent._config["authkey"] = process.AuthenticationString(b"another")  # type: ignore[attr-defined]
    assert _payload.told(sent) is sent


def test_reading_imports_what_is_not_there(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "module_of_a_payload.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import module_of_a_payload  # type: ignore[import-not-found]

    pickled = pickle.dumps(module_of_a_payload.Thing())
    del sys.modules["module_of_a_payload"]
    assert _payload.read(pickled, KEY).__module__ == "module_of_a_payload"
    monkeypatch.setitem(sys.modules, "module_of_a_payload", None)  # as a program keeps a module from being imported
    with pytest.raises(ModuleNotFoundError):
        _payload.read(pickled, KEY)
    monkeypatch.delitem(sys.modules, "module_of_a_payload")
    assert _shm.import_known("dragon._payload", {}, {}, [], 0) is None
