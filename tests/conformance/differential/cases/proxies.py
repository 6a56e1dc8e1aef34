"""The proxies of what a SyncManager has."""

from __future__ import annotations

import operator
import pickle
import threading
from multiprocessing.managers import BaseProxy
from typing import Any

import others
from others import answer, manager
from words import calls, plain, told

GONE = (FileNotFoundError, ConnectionError, EOFError)  # what a proxy without a server raises


# ---- dictionaries and lists


def dict_methods(ctx: Any) -> Any:
    it = manager(ctx).dict({"a": 1}, b=2)
    return calls(
        it,
        ("__getitem__", "a"),
        ("__getitem__", "x"),
        ("get", "x"),
        ("get", "x", 5),
        ("setdefault", "c", 3),
        ("pop", "c"),
        ("pop", "c"),
        ("pop", "c", 9),
        ("keys",),
        ("values",),
        ("items",),
        ("__contains__", "a"),
        ("copy",),
        ("update", {"d": 4}),
        ("__len__",),
        ("popitem",),
        ("__delitem__", "zz"),
        ("__setitem__", [1], 2),
        ("clear",),
        ("popitem",),
        ("__len__",),
        ("has_key", "a"),
    )


def dict_by_operators(ctx: Any) -> Any:
    it = manager(ctx).dict(a=1)
    it["b"] = 2
    del it["a"]
    seen = (
        it["b"],
        "b" in it,
        "z" in it,
        len(it),
        list(it),
        list(iter(it.keys())),
        dict(it),
        it == {"b": 2},
        bool(it),
        str(it),
        repr(it).split(" object,")[0],
        told(lambda: it["z"]),
        told(lambda: it.nothing),
        told(reversed, it),
    )
    return (seen, told(operator.or_, it, {"x": 1}), told(hash, it) != "", told(lambda: it < it), sorted(each for each in dir(it) if each[0] != "_"))


def dict_changed_while_gone_through(ctx: Any) -> Any:
    it = manager(ctx).dict(a=1, b=2)
    keys = iter(it)
    next(keys)
    it["c"] = 3
    return told(next, keys)


def dict_made_oddly(ctx: Any) -> Any:
    m = manager(ctx)
    return dict(m.dict([("a", 1)])), dict(m.dict()), told(m.dict, 5), told(m.dict, [1]), told(m.dict, {}, {})


def dict_values_are_copies(ctx: Any) -> Any:
    it = manager(ctx).dict(a=[1])
    it["a"].append(2)
    before = it["a"]
    changed = it["a"]
    changed.append(3)
    it["a"] = changed
    return before, it["a"]


def list_methods(ctx: Any) -> Any:
    it = manager(ctx).list([3, 1, 2])
    return calls(
        it,
        ("append", 5),
        ("extend", [1, 1]),
        ("count", 1),
        ("index", 5),
        ("index", 99),
        ("insert", 0, 7),
        ("pop",),
        ("pop", 0),
        ("pop", 100),
        ("remove", 1),
        ("remove", 100),
        ("reverse",),
        ("sort",),
        ("__getitem__", 0),
        ("__getitem__", 100),
        ("__getitem__", slice(0, 2)),
        ("__getitem__", "a"),
        ("__setitem__", 0, 9),
        ("__setitem__", 100, 9),
        ("__delitem__", 0),
        ("__len__",),
        ("__contains__", 5),
        ("__add__", [1]),
        ("__mul__", 2),
        ("__rmul__", 2),
        ("__iter__",),
        ("clear",),
        ("copy",),
        ("append",),
        ("append", 1, 2),
    )


def list_by_operators(ctx: Any) -> Any:
    it = manager(ctx).list(range(3))
    it += [7]
    it *= 2
    kind = type(it).__name__
    it[1:3] = [8]
    del it[0]
    return (
        kind,
        list(it),
        it[-1],
        7 in it,
        len(it),
        it[::2],
        it + [1],
        2 * it,
        list(reversed(it)),
        str(it),
        repr(it).split(" object,")[0],
        it == it[:],
        sorted(it),
        max(it),
    )


def list_sorts_with_key(ctx: Any) -> Any:
    it = manager(ctx).list(["b", "A"])
    return told(it.sort, key=str.lower), it[:], told(it.sort, reverse=True), it[:], told(it.sort, operator.lt)


def list_plus_a_proxy(ctx: Any) -> Any:
    m = manager(ctx)
    return told(operator.add, m.list([1]), m.list([2])), told(operator.iadd, m.list([1]), (2, 3)) != ""


def nested(ctx: Any) -> Any:
    m = manager(ctx)
    outer, inner = m.dict(), m.list([1])
    outer["list"] = inner
    inner.append(2)
    outer["list"].append(3)
    lists = m.list([m.list([i]) for i in range(2)])
    lists[0].append("x")
    return (outer["list"][:], type(outer["list"]).__name__, [each[:] for each in lists], str(outer)[:24], outer.copy()["list"][:])


def nested_outlives_its_proxy(ctx: Any) -> Any:
    outer = manager(ctx).list()
    outer.append(manager(ctx).dict(a=1))
    return outer[0]["a"], outer.pop().copy()


# ---- values, arrays, namespaces


def value(ctx: Any) -> Any:
    it = manager(ctx).Value("i", 5)
    it.value += 1
    return (
        it.value,
        it.get(),
        it.set(8),
        it.value,
        repr(it),
        str(it),
        told(setattr, it, "value", "text"),
        it.value,
        told(lambda: it.nothing),
        type(it).__name__,
        told(manager(ctx).Value, "i"),
        sorted(each for each in dir(it) if each[0] != "_"),
    )


def array(ctx: Any) -> Any:
    it = manager(ctx).Array("i", [1, 2, 3])
    it[0] = 9
    return (
        it[:],
        it[0],
        len(it),
        told(it.__getitem__, 5),
        told(it.__setitem__, 0, "text"),
        told(it.__setitem__, slice(0, 1), [4]),
        repr(it).split(" object,")[0],
        str(it),
        list(it),
        told(manager(ctx).Array, "i", 3),
        told(manager(ctx).Array, "zz", [1]),
    )


def namespace(ctx: Any) -> Any:
    it = manager(ctx).Namespace(a=1)
    it.b = [2]
    it._private = 3
    del it.a
    return (
        it.b,
        told(lambda: it.a),
        told(delattr, it, "a"),
        told(lambda: it._private),
        repr(it).split(" object,")[0],
        str(it),
        hasattr(it, "zz"),
        type(it).__name__,
        told(manager(ctx).Namespace, 5),
    )


# ---- synchronisation


def locks(ctx: Any) -> Any:
    m = manager(ctx)
    lock, rlock = m.Lock(), m.RLock()
    seen = calls(
        lock, ("acquire",), ("acquire", False), ("acquire", True, 0.01), ("release",), ("release",), ("locked",), ("__enter__",), ("__exit__", None, None, None)
    )
    seen += calls(rlock, ("acquire",), ("acquire",), ("release",), ("release",), ("release",))
    return seen, repr(lock).split(" object,")[0], sorted(each for each in dir(lock) if each[0] != "_")


def lock_in_thread(ctx: Any) -> Any:
    rlock = manager(ctx).RLock()
    found: list[str] = []
    with rlock:
        thread = threading.Thread(target=lambda: found.extend((told(rlock.acquire, False), told(rlock.release))))
        thread.start()
        thread.join()
    return found


def semaphores(ctx: Any) -> Any:
    m = manager(ctx)
    return (
        calls(m.Semaphore(1), ("acquire",), ("acquire", False), ("release",), ("release",), ("get_value",)),
        calls(m.BoundedSemaphore(1), ("release",), ("acquire",), ("release",)),
        told(m.Semaphore, -1),
        told(m.Semaphore),
    )


def conditions_and_events(ctx: Any) -> Any:
    m = manager(ctx)
    condition, event = m.Condition(), m.Event()
    with condition:
        seen = (
            calls(condition, ("wait", 0.01), ("notify",), ("notify_all",), ("notify", 2)),
            condition.wait_for(lambda: 5),
            condition.wait_for(lambda: 0, 0.01),
        )
    return (
        seen,
        told(condition.notify),
        told(condition.wait, 0),
        told(condition.release),
        calls(event, ("is_set",), ("wait", 0.01), ("set",), ("wait",), ("is_set",), ("clear",), ("is_set",)),
    )


def barrier(ctx: Any) -> Any:
    it = manager(ctx).Barrier(1)
    return (
        it.wait(),
        it.parties,
        it.n_waiting,
        it.broken,
        it.abort(),
        it.broken,
        told(it.wait),
        it.reset(),
        it.broken,
        told(manager(ctx).Barrier(2).wait, 0.01),
        told(setattr, it, "parties", 2),
    )


def queues(ctx: Any) -> Any:
    m = manager(ctx)
    it, bounded, joinable = m.Queue(), m.Queue(1), m.JoinableQueue()
    it.put(1)
    bounded.put(1)
    joinable.put(1)
    seen = calls(it, ("get",), ("get", False), ("get_nowait",), ("get", True, 0.01), ("empty",), ("qsize",), ("full",), ("put", None), ("get",), ("close",))
    return (
        seen,
        calls(bounded, ("full",), ("put", 2, False), ("put_nowait", 2), ("put", 2, True, 0.01)),
        calls(joinable, ("get",), ("task_done",), ("task_done",), ("join",)),
        repr(it).split(" object,")[0],
    )


def pool_of_a_manager(ctx: Any) -> Any:
    m = manager(ctx)
    it = m.Pool(1)
    result = it.apply_async(others.double, (3,))
    seen = (
        it.apply(others.double, (2,)),
        it.map(others.double, [1, 2]),
        told(it.apply, others.fail),
        result.get(30),
        result.ready(),
        result.successful(),
        type(result).__name__,
        list(it.imap(others.double, [1, 2])),
        told(it.join),
    )
    it.terminate()
    return seen, told(it.apply, others.double, (2,)), type(it).__name__


# ---- errors, reprs, pickling


def errors_arrive(ctx: Any) -> Any:
    it = manager(ctx).dict()
    try:
        it.pop("missing")
    except KeyError as error:
        return (error.args, type(error.__cause__).__name__, "Traceback" in str(error.__cause__), str(error.__cause__).startswith("\n" + "-" * 75))


def method_that_is_not_exposed(ctx: Any) -> Any:
    it = manager(ctx).list()
    try:
        it._callmethod("nothing")
    except AttributeError as error:
        seen = told_of(error)
    try:
        it._callmethod("__class__")
    except Exception as error:
        return seen, type(error).__name__


def told_of(error: BaseException) -> Any:
    return type(error).__name__, error.args and plain(str(error.args[0])).split(" at 0x")[0].split("[")[0]


def what_cannot_be_pickled(ctx: Any) -> Any:
    it = manager(ctx).list()
    return told(it.append, others.NotOut()), told(len, it), told(it.append, others.NotBack()) != "", told(len, it)


def proxy_looks(ctx: Any) -> Any:
    it = manager(ctx).list([1])
    return (
        repr(it).split(" object,")[0],
        "typeid 'list' at 0x" in repr(it),
        str(it),
        plain(repr(it._getvalue())),
        isinstance(it, BaseProxy),
        type(it._token.id).__name__,
        it._token.typeid,
        it._id == it._token.id,
    )


def proxy_pickled(ctx: Any) -> Any:
    it = manager(ctx).list([1])
    again = pickle.loads(pickle.dumps(it))
    again.append(2)
    return it[:], type(again).__name__, again._id == it._id, again is it


def proxy_copied(ctx: Any) -> Any:
    import copy

    it = manager(ctx).list([[1]])
    return type(copy.copy(it)).__name__, type(copy.deepcopy(it)).__name__, copy.deepcopy(it)[:]


def proxies_in_child(ctx: Any) -> Any:
    m = manager(ctx)
    things, names, lock, space = m.list(), m.dict(), m.Lock(), m.Namespace()
    seen = answer(ctx, _use, things, names, lock, space)
    return seen, things[:], names.copy(), space.x


def _use(things: Any, names: Any, lock: Any, space: Any) -> Any:
    with lock:
        things.append("child")
        names["by"] = "child"
        space.x = 7
    return repr(things).split(" object,")[0], told(names.__getitem__, "nothing")


def proxy_made_in_child(ctx: Any) -> Any:
    m = manager(ctx)
    outer = m.dict()
    return answer(ctx, _read, outer, m.list([1, 2])), outer["inner"][:]


def _read(outer: Any, inner: Any) -> Any:
    outer["inner"] = inner
    return inner[:]


def proxies_in_a_pool(ctx: Any) -> Any:
    things = manager(ctx).list()
    with ctx.Pool(2) as it:
        it.map(things.append, range(4))
    return sorted(things)


def manager_pickled(ctx: Any) -> Any:
    return told(pickle.dumps, manager(ctx)).split("(")[0], told(pickle.loads, b"") != ""
