"""Managers, their proxies, and remote ones."""

from __future__ import annotations

import threading
from multiprocessing import managers
from multiprocessing.managers import BaseManager, BaseProxy, SyncManager
from typing import Any

import others
from others import answer, manager, nothing
from words import caught, plain, told

GONE = (FileNotFoundError, ConnectionError, EOFError)  # what a proxy without a server raises


def _shape(text: str) -> str:
    return text.split("typeid")[0] + "typeid" + text.split("typeid")[1].split(" at ")[0] if "typeid" in text else text


# ---- managers' lives


def life(ctx: Any) -> Any:
    m = ctx.Manager()
    things = m.list([1])
    seen = plain(repr(m)), things[:], told(m.start), told(m.get_server), m.join(0)
    m.shutdown()
    return (
        seen,
        caught(GONE, things.append, 1),
        told(m.shutdown),
        caught(GONE, m.list),
        told(m.start),
        m.join(),
        plain(type(m).__name__),
        isinstance(m, SyncManager),
    )


def life_in_with(ctx: Any) -> Any:
    with ctx.Manager() as m:
        number = m.Value("i", 3)
        seen = number.value
        entered = told(m.__enter__)
    return seen, entered.split(" at")[0], caught(GONE, lambda: number.value), told(m.__enter__)


def before_start(ctx: Any) -> Any:
    m = SyncManager(ctx=ctx.get_context())
    return (told(m.list), told(m.join), hasattr(m, "shutdown"), told(lambda: m.address), plain(repr(m)), told(m.connect) != "")


def address(ctx: Any) -> Any:
    return isinstance(manager(ctx).address, (str, bytes)), told(setattr, manager(ctx), "address", 5)


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.number = start

    def add(self, more: int = 1) -> int:
        self.number += more
        return self.number

    def _hidden(self) -> str:
        return "hidden"

    def fail(self) -> None:
        raise ValueError("counter")

    def other(self) -> Counter:
        return Counter(self.number * 10)

    def __iter__(self) -> Any:
        return iter(range(self.number))


class CounterProxy(BaseProxy):
    _exposed_ = ("add", "fail", "__getattribute__")

    def twice(self) -> Any:
        return self._callmethod("add", (1,)), self._callmethod("add", (1,))

    @property
    def number(self) -> Any:
        return self._callmethod("__getattribute__", ("number",))


def _generator(number: int) -> Any:
    yield from range(number)


_one = Counter(100)


def _get_one() -> Counter:
    return _one


class Custom(BaseManager):
    pass


Custom.register("Counter", Counter)
Custom.register("Proxied", Counter, proxytype=CounterProxy)
Custom.register("Some", Counter, exposed=("add", "_hidden"))
Custom.register("Chain", Counter, method_to_typeid={"other": "Counter"})
Custom.register("generator", _generator, proxytype=managers.IteratorProxy)
Custom.register("one", _get_one)
Custom.register("NoMethod", Counter, create_method=False)
Custom.register("fails", others.fail)
Custom.register("Nothing")


def custom(ctx: Any) -> Any:
    with Custom(ctx=ctx.get_context()) as m:
        counter = m.Counter(5)
        seen = [
            counter.add(),
            counter.add(4),
            counter.add(more=1),
            told(counter.fail),
            told(counter.add, "x"),
            told(counter.add, 1, 2),
            told(lambda: counter.number),
            told(getattr, counter, "_hidden"),
            repr(counter).split(" object,")[0],
        ]
        proxied = m.Proxied()
        seen += [proxied.twice(), proxied.number, told(getattr, proxied, "add"), type(proxied).__name__]
        some = m.Some()
        seen += [some.add(), some._hidden(), told(getattr, some, "fail")]
        chained = m.Chain(2).other()
        seen += [chained.add(), type(chained).__name__]
        seen += [
            list(m.generator(3)),
            told(next, m.generator(0)),
            m.one().add(),
            m.one().add(),
            told(getattr, m, "NoMethod"),
            told(m.fails),
            told(m.Counter, 1, 2),
            told(m.Counter, nothing=1),
            told(m.Nothing),
            told(lambda: m.unknown),
        ]
        return seen


def custom_with_initializer(ctx: Any) -> Any:
    m = Custom(ctx=ctx.get_context())
    told_wrong = told(m.start, 5), told(m.start, initializer="text")
    m.start(_one.add, (1,))
    seen = m.one().add()
    m.shutdown()
    return told_wrong, seen


def custom_whose_initializer_fails(ctx: Any) -> Any:
    m = Custom(ctx=ctx.get_context())
    return caught(EOFError, m.start, others.fail), told(m.join) != ""


def registered_wrongly(ctx: Any) -> Any:
    class Mine(BaseManager):
        pass

    return (
        told(Mine.register),
        told(Mine.register, 5),
        told(Mine.register, "x", 5),
        told(Mine.register, "x", method_to_typeid={1: 2}),
        told(Mine.register, "x", method_to_typeid=5),
    )


def remote(ctx: Any) -> Any:
    """A server in this process, a client beside it."""
    server = Custom(address=("127.0.0.1", 0), authkey=b"key").get_server()
    thread = threading.Thread(target=_serve, args=(server,), daemon=True)
    thread.start()
    client = Custom(address=server.address, authkey=b"key")
    client.connect()
    seen = (client.Counter(1).add(), type(server.address).__name__, told(client.start), told(lambda: client.address == server.address))
    wrong = Custom(address=server.address, authkey=b"other")
    seen += (told(wrong.connect),)
    in_child = answer(ctx, _connect_and_add, server.address)
    server.stop_event.set()
    thread.join()
    return seen, in_child


def _serve(server: Any) -> None:
    try:
        server.serve_forever()
    except SystemExit:
        pass


def _connect_and_add(where: Any) -> Any:
    client = Custom(address=where, authkey=b"key")
    client.connect()
    return client.Counter(5).add()


def remote_to_a_started_manager(ctx: Any) -> Any:
    with Custom(ctx=ctx.get_context(), authkey=b"key") as m:
        other = Custom(address=m.address, authkey=b"key")
        other.connect()
        m.one().add(10)
        return other.one().add(), answer(ctx, _add_to_one, m.address)


def _add_to_one(where: Any) -> Any:
    other = Custom(where, b"key")
    other.connect()
    return other.one().add()


def remote_of_nobody(ctx: Any) -> Any:
    return caught(ConnectionRefusedError, Custom(address=("127.0.0.1", 1), authkey=b"k").connect), told(
        Custom(address=("127.0.0.1", 1), authkey="text").connect
    ) != ""


def arguments(ctx: Any) -> Any:
    return (
        told(BaseManager, frob=1),
        told(lambda: BaseManager(serializer="unknown")),
        told(lambda: BaseManager(authkey="text")),
        told(lambda: BaseManager(address=5)),
        told(lambda: BaseManager(address=("127.0.0.1", 0), authkey=b"").address),
    )


def serializer(ctx: Any) -> Any:
    m = SyncManager(ctx=ctx.get_context(), serializer="xmlrpclib")
    try:
        m.start()
        return m.list([1, 2])[:]
    finally:
        m.shutdown()


def server_twice(ctx: Any) -> Any:
    m = Custom(address=("127.0.0.1", 0))
    server = m.get_server()
    server.listener.close()
    return plain(repr(server)), told(m.get_server) != "", plain(repr(m)), told(server.serve_client) != ""


def number_of_objects(ctx: Any) -> Any:
    with ctx.Manager() as m:
        before = m._number_of_objects()
        things = [m.list() for _ in range(3)]
        during = m._number_of_objects()
        del things
        import gc

        gc.collect()
        return before, during, m._number_of_objects(), type(m._debug_info()).__name__


TABLE = {
    "what the module offers": lambda ctx: managers.__all__,
    "what a manager offers": lambda ctx: sorted(each for each in dir(manager(ctx)) if each[0] != "_"),
    "sum over a list": lambda ctx: sum(manager(ctx).list([1, 2])),
    "json of a dict": lambda ctx: told(__import__("json").dumps, manager(ctx).dict(a=1)),
    "a dict as keywords": lambda ctx: dict(**manager(ctx).dict(a=1)),
    "update by a proxy": lambda ctx: (it := manager(ctx).dict(a=1), told(it.update, manager(ctx).dict(b=2)), it.copy())[1:],
    "a namespace in a list": lambda ctx: manager(ctx).list([manager(ctx).Namespace(x=1)])[0].x,
    "a lambda": lambda ctx: told(manager(ctx).list().append, lambda: 1) != "",
    "an object of this program": lambda ctx: manager(ctx).list([Counter(3)])[0].number,
    "a connection": lambda ctx: len(manager(ctx).list([nothing])),
}  # fmt: skip
