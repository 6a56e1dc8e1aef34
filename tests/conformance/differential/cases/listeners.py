"""Listeners and clients."""

from __future__ import annotations

import threading
from multiprocessing import connection
from typing import Any

from others import answer
from words import caught, told

# ---- listeners and clients


def _serve(listener: Any, *answers: Any) -> Any:
    seen: list[Any] = []

    def accept() -> None:
        for each in answers:
            try:
                with listener.accept() as end:
                    end.send(each)
                    seen.append(told(end.recv))
            except Exception as error:
                seen.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=accept)
    thread.start()
    return thread, seen


def _talk(address: Any, **how: Any) -> Any:
    with connection.Client(address, **how) as end:
        received = end.recv()
        end.send("thanks")
        return received


def _listen(client: Any = _talk, answers: Any = (1,), client_key: Any = None, **how: Any) -> Any:
    with connection.Listener(**how) as listener:
        thread, seen = _serve(listener, *answers)
        result = told(client, listener.address, **({"authkey": client_key} if client_key is not None else {}))
        thread.join()
    return result, seen


def listener_of_each_family(ctx: Any) -> Any:
    return [_listen(family=family) for family in ("AF_INET", "AF_UNIX", None)]


def listener_with_a_key(ctx: Any) -> Any:
    return _listen(authkey=b"secret", client_key=b"secret"), _listen(family="AF_INET", authkey=b"", client_key=b"")


def listener_with_another_key(ctx: Any) -> Any:
    return _listen(authkey=b"secret", client_key=b"other"), _listen(family="AF_UNIX", authkey=b"secret", client_key=b"other")


def listener_in_child_calls(ctx: Any) -> Any:
    with connection.Listener(authkey=b"k") as listener:
        thread, seen = _serve(listener, "hello")
        result = answer(ctx, _talk_with_key, listener.address)
        thread.join()
    return result, seen


def _talk_with_key(address: Any) -> Any:
    return _talk(address, authkey=b"k")


def listener_after_close(ctx: Any) -> Any:
    listener = connection.Listener(family="AF_INET")
    listener.close()
    default = connection.Listener()
    default.close()
    return (told(listener.accept), told(listener.close), told(default.accept), told(default.close), told(lambda: default.address))


def listener_last_accepted(ctx: Any) -> Any:
    with connection.Listener(family="AF_UNIX") as listener:
        return listener.last_accepted, type(listener.address).__name__


def client_of_a_default_listener_that_is_closed(ctx: Any) -> Any:
    listener = connection.Listener()
    address = listener.address
    listener.close()
    try:
        connection.Client(address)
    except OSError as error:
        return isinstance(error, (FileNotFoundError, ConnectionRefusedError))


TABLE = {
    "poll by keyword": lambda ctx: told(ctx.Pipe()[0].poll, timeout=0),
    "send_bytes by keyword": lambda ctx: (pair := ctx.Pipe(), pair[0].send_bytes(b"abc", offset=1, size=1), pair[1].recv_bytes())[2],
    "send_bytes by the keyword buf": lambda ctx: (pair := ctx.Pipe(), pair[0].send_bytes(buf=b"abc"), pair[1].recv_bytes())[2],
    "a key that is text": lambda ctx: connection.Listener(authkey="text"),
    "a key that is text for a listener with a family": lambda ctx: connection.Listener(family="AF_INET", authkey="text"),
    "a client's key that is text": lambda ctx: caught(ConnectionRefusedError, connection.Client, ("localhost", 1), authkey="text"),
    "a listener of an unknown family": lambda ctx: connection.Listener(family="AF_NOWHERE"),
    "a listener of a family of Windows": lambda ctx: connection.Listener(family="AF_PIPE"),
    "a listener with an odd address": lambda ctx: connection.Listener(address=5),
    "a client of nobody": lambda ctx: caught(ConnectionRefusedError, connection.Client, ("127.0.0.1", 1)),
    "a client of no file": lambda ctx: connection.Client("/no/such/file"),
    "a client with an odd address": lambda ctx: connection.Client(5),
    "a client of an unknown family": lambda ctx: connection.Client("x", family="AF_NOWHERE"),
    "a client with a wrong family": lambda ctx: caught(ConnectionRefusedError, connection.Client, ("127.0.0.1", 1), family="AF_UNIX"),
    "what connection offers": lambda ctx: sorted(connection.__all__),
    "a key of a class of bytes": lambda ctx: told(lambda: connection.Listener(authkey=bytearray(b"k")).close()),
}  # fmt: skip
