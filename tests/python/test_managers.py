"""Managers, and the listeners they stand on: by channels within the run, by a socket from elsewhere, and what callers learn when the server is gone."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import AuthenticationError, managers
from multiprocessing.connection import Client
from typing import Any

import pytest
import targets
from dragon.connection import Connection, ListenerGone

KEY = b"a key"
SERVER = """
from multiprocessing.managers import BaseManager
class Server(BaseManager): pass
Server.register("dict", dict, exposed=["__setitem__"])
server = Server({address!r}, {key!r}).get_server()
print(server.address, flush=True)
server.serve_forever()
"""


def test_proxies_in_another_process(ctx: Any) -> None:
    with ctx.Manager() as manager:
        shared, values, queue = manager.dict(), manager.list(), manager.Queue()
        process = ctx.Process(target=targets.fill, args=(shared, values, queue))
        process.start()
        assert queue.get() == "done"
        assert shared["here"] == process.os_pid and values[0]["here"] == process.os_pid
        process.join()


def test_a_managers_pool_is_dragons(ctx: Any) -> None:
    with ctx.Manager() as manager, manager.Pool(2) as pool:
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]
        assert "dragon.pool" in str(pool)


def test_nothing_is_left_in_files(ctx: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ctx.Manager() as manager:
        assert manager.dict(a=1)["a"] == 1
        assert list(tmp_path.iterdir()) == []


def test_a_method_that_fails_raises_its_own_error(ctx: Any) -> None:
    with targets.MyManager(ctx=ctx) as manager:
        with pytest.raises(EOFError, match="its own") as failure:
            manager.Thing().fails()
        assert not isinstance(failure.value, ListenerGone)


def test_callers_learn_at_once_that_the_server_was_killed(ctx: Any) -> None:
    manager = targets.MyManager(ctx=ctx)
    manager.start()
    thing = manager.Thing()
    server = thing.pid()
    failed = []

    def call() -> None:
        try:
            thing.begin()
        except ListenerGone as error:
            failed.append((time.monotonic(), error))

    thread = threading.Thread(target=call)
    thread.start()
    assert thing.begun()
    killed = time.monotonic()
    os.kill(server, signal.SIGKILL)
    thread.join()
    ((seen, error),) = failed
    assert seen - killed < 1
    assert isinstance(error, EOFError) and isinstance(error, ConnectionError)
    for act in (thing.pid, manager.Thing):
        with pytest.raises(ListenerGone, match=f"MyManager-.*pid {server}"):
            act()
    manager.shutdown()


def test_a_listener_of_a_process(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.listen, args=(there, KEY, 2))
    process.start()
    address = here.recv()
    with pytest.raises(AuthenticationError):
        Client(address, authkey=b"another key")
    with Client(address, authkey=KEY) as connection:
        assert isinstance(connection, Connection)
        connection.send("hello")
        assert connection.recv() == "hello"
    # A program that knows nothing of the run.
    code = f"from multiprocessing.connection import Client; c = Client({address!r}, authkey={KEY!r}); c.send(1); print(c.recv())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"
    process.join()
    assert process.exitcode == 0
    with pytest.raises(ListenerGone, match=process.name):
        Client(address, authkey=KEY)


def test_without_a_key_a_client_need_not_wait(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.listen_to_itself, args=(there,))
    process.start()
    assert here.recv() == "to itself"
    process.join()


def test_a_caller_that_is_killed_is_forgotten(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.listen_late, args=(there, KEY))
    process.start()
    address = here.recv()
    caller = ctx.Process(target=Client, args=(address,), kwargs={"authkey": KEY})
    caller.start()
    here.recv()  # its call waits
    caller.kill()
    caller.join()
    here.send("accept now")
    with Client(address, authkey=KEY) as connection:
        assert connection.recv() == "accepted"
    process.join()


def test_one_who_waits_for_a_listener_learns_that_it_was_killed(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.listen_late, args=(there, KEY))
    process.start()
    address = here.recv()
    failed = []

    def call() -> None:
        try:
            Client(address, authkey=KEY)
        except ListenerGone as error:
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    here.recv()  # the call waits
    process.kill()
    thread.join(10)
    assert len(failed) == 1
    process.join()


def test_a_manager_elsewhere_is_named_by_its_address(ctx: Any) -> None:
    here, there = ctx.Pipe()
    process = ctx.Process(target=targets.use_a_manager_elsewhere, args=(there, KEY))
    process.start()
    address = here.recv()
    remote = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(address=address, key=KEY)], stdout=subprocess.PIPE, text=True
    )
    with remote:
        assert remote.stdout is not None
        here.send(eval(remote.stdout.readline()))
        assert here.recv() == "used"
        remote.kill()
        remote.wait()
        for _ in ("a call", "a new connection"):
            kind, text = here.recv()
            assert kind is ListenerGone and "listener at ('127.0.0.1', " in text
    process.join()


def test_a_remote_manager(ctx: Any) -> None:
    """Another program, with nothing but the standard library, uses a server of the run by its address."""
    for address in (("localhost", 0), None):
        with managers.SyncManager(address, KEY, ctx=ctx) as manager:
            code = f"""
from multiprocessing.managers import SyncManager
class Remote(SyncManager): pass
remote = Remote({manager.address!r}, {KEY!r})
remote.connect()
shared = remote.dict(there=1)
shared["more"] = 2
print(sorted(shared.copy()), remote._number_of_objects())
"""
            assert subprocess.check_output([sys.executable, "-c", code], text=True) == "['more', 'there'] 1\n"
