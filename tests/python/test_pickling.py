"""What cannot be pickled or unpickled says so, where and to whom; and what only goes by value goes."""

from __future__ import annotations

import array
import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import gc
import os
import pathlib
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from queue import Full
from typing import Any, NamedTuple

import dragon
import pytest
import targets

PATIENCE = 60
PYTHON = pathlib.Path(dragon.__file__).parents[1]


class Log:
    def __init__(self) -> None:
        self._lock = threading.Lock()


class Task:
    def __init__(self) -> None:
        self.numbers = [1, 2]
        self.cfg = {"log": Log()}


class Slotted:
    __slots__ = ("held",)


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Record:
    pair: Pair


class OwnState:
    def __getstate__(self) -> Any:
        return {"lock": threading.Lock()}


class OwnReduce:
    def __reduce__(self) -> Any:
        return print, (1, threading.Lock())


class RaisesItsOwn:
    class Refused(Exception):
        def __init__(self, code: int, why: str) -> None:
            super().__init__(code, why)

    def __reduce__(self) -> Any:
        raise self.Refused(5, "not me")


class BadToUnpickle:
    def __reduce__(self) -> Any:
        return int, ("no number",)


class BadState:
    def __init__(self) -> None:
        self.any = 1

    def __setstate__(self, state: Any) -> None:
        raise KeyError("any")


def slotted() -> Slotted:
    thing = Slotted()
    thing.held = {1: (0, threading.Lock())}
    return thing


def closure(held: Any) -> Any:
    return lambda: held


def cycle() -> Any:
    around: dict[str, Any] = {}
    around["self"] = [around, Task()]
    return around


HERE = __name__
LOCK = r"cannot pickle '_thread\.lock' object"
CULPRITS = [
    (Task, rf"obj\.cfg\['log'\]\._lock; obj is a {HERE}\.Task"),
    (lambda: [0, {"k": Task()}], rf"obj\[1\]\['k'\]\.cfg\['log'\]\._lock; obj\[1\]\['k'\] is a {HERE}\.Task"),
    (slotted, r"obj\.held\[1\]\[1\]"),
    (lambda: Record(Pair(1, threading.Lock())), r"obj\.pair\.right"),
    (lambda: collections.deque([1, Log()]), r"obj\[1\]\._lock"),
    (lambda: functools.partial(print, Log()), r"obj\.args\[0\]\._lock"),
    (lambda: ValueError("x", Log()), r"obj\.args\[1\]\._lock"),
    (lambda: Log().__init__, r"obj\.__self__\._lock"),
    (OwnState, r"obj\.__getstate__\(\)\['lock'\]"),
    (OwnReduce, r"obj\.__reduce__\(\)\[1\]"),
    (lambda: closure(Log()), r"obj\.__closure__\.held\._lock"),
    (cycle, r"obj\['self'\]\[1\]\.cfg\['log'\]\._lock"),
    (threading.Lock, r"\(obj; obj is a _thread\.lock\)|\(obj\)"),
]


@pytest.mark.parametrize(("make", "place"), CULPRITS, ids=[place for _, place in CULPRITS])
def test_the_error_shows_the_way_to_the_culprit(ctx: Any, make: Any, place: str) -> None:
    queue = ctx.Queue()
    with pytest.raises(TypeError, match=f"{LOCK} .*{place}"):
        queue.put(make())
    queue.put("next")
    assert queue.get() == "next"


def test_at_every_way_in(ctx: Any) -> None:
    near, far = ctx.Pipe()
    joinable = ctx.JoinableQueue()
    for send in (ctx.SimpleQueue().put, joinable.put, near.send):
        with pytest.raises(TypeError, match=rf"{LOCK} \(obj\.cfg"):
            send(Task())
    joinable.join()  # what was not put is not waited for
    for kwargs, place in [
        ({"args": (1, Task())}, r"args\[1\]\.cfg"),
        ({"kwargs": {"x": Task()}}, r"kwargs\['x'\]\.cfg"),
        ({"target": Log().__init__}, r"target\.__self__\._lock"),
    ]:
        with pytest.raises(TypeError, match=rf"{LOCK} \({place}"):
            ctx.Process(**{"target": print, **kwargs}).start()
    with pytest.raises(TypeError, match=rf"{LOCK} \(target\.__self__"):
        ctx.Process(target=threading.Lock().acquire).start()
    with ctx.Pool(1) as pool:
        for call, place in [
            (lambda: pool.apply(targets.give, (Task(),)), r"args\[0\]\.cfg"),
            (lambda: pool.apply(targets.give, (), {"thing": Task()}), r"kwds\['thing'\]\.cfg"),
            (lambda: pool.apply(Log().__init__), r"func\.__self__"),
            (lambda: pool.map(targets.give, [1, Task()], 2), r"chunk\[1\]\.cfg"),
            (lambda: pool.map(targets.give, [1, 2, Task()], 1), r"chunk\[0\]\.cfg.*task 2 of its job"),
            (lambda: list(pool.imap(targets.give, [Task()])), r"args\[0\]\.cfg"),
            (lambda: list(pool.imap(targets.give, [1, Task()])), r"args\[0\]\.cfg.*task 1 of its job"),
            (lambda: ctx.Pool(1, targets.give, (Task(),)), r"kwargs\['initargs'\]\[0\]\.cfg"),
        ]:
            with pytest.raises(TypeError, match=rf"{LOCK} \({place}"):
                call()
        with pytest.raises(TypeError) as caught:
            pool.apply(targets.give, (Task(),))
        assert caught.value.__context__ is None  # it is shown once
        with pytest.raises(Exception, match=r"result\['deep'\]\[0\]") as caught:
            pool.apply(targets.make_lock)
        assert type(caught.value).__name__ == "MaybeEncodingError"
        assert "_thread.lock" in str(caught.value.__cause__)
        with pytest.raises(Exception, match=rf"{LOCK} \(error\.lock") as caught:
            pool.apply(targets.raise_lock)
        assert type(caught.value).__name__ == "MaybeEncodingError" and "'HasLock('locked')'" in str(caught.value)
        assert "in raise_lock" in str(caught.value.__cause__)  # where the task raised it
        assert pool.apply(targets.give, (3,)) == 3


def test_executors_and_managers(ctx: Any) -> None:
    with dragon.ProcessPoolExecutor(1) as executor:
        with pytest.raises(TypeError, match=rf"{LOCK} \(args\[0\]\.cfg"):
            executor.submit(targets.give, Task()).result(PATIENCE)
        with pytest.raises(TypeError, match=rf"{LOCK} \(chunk\[1\]\[0\]\.cfg"):
            list(executor.map(targets.give, [1, Task()], chunksize=2))
        with pytest.raises(Exception, match=r"result\['deep'\]\[0\]"):
            executor.submit(targets.make_lock).result(PATIENCE)
        with pytest.raises(TypeError, match=rf"{LOCK} \(error\.lock") as caught:
            executor.submit(targets.raise_lock).result(PATIENCE)
        assert "in raise_lock" in str(caught.value.__cause__)
        with pytest.raises(ValueError, match=r"while unpickling builtins\.int, in a message of"):
            executor.submit(targets.give, targets.BadToUnpickle()).result(PATIENCE)
        with pytest.raises(targets.TwoArguments, match="5: by five"):
            executor.submit(targets.raise_two).result(PATIENCE)
        assert executor.submit(targets.give, 3).result(PATIENCE) == 3
    with ctx.Manager() as manager:
        shared = manager.dict()
        with pytest.raises(TypeError, match=rf"{LOCK} \(.*\.cfg"):
            shared["task"] = Task()
        with pytest.raises(Exception, match="no number"):
            shared["bad"] = BadToUnpickle()
        shared["good"] = 3
        assert shared["good"] == 3


def test_the_standard_librarys_executor(ctx: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=ctx) as executor:
        with pytest.raises(TypeError, match=rf"{LOCK} \(args\[0\]\.cfg"):
            executor.submit(targets.give, Task()).result(PATIENCE)
        assert executor.submit(targets.give, 3).result(PATIENCE) == 3


@pytest.mark.parametrize("size", [10, 100_000])
def test_what_a_process_is_given_and_cannot_be_unpickled_is_named(ctx: Any, capfd: Any, size: int) -> None:
    process = ctx.Process(target=targets.give, args=(bytes(size), targets.BadToUnpickle()), name="Bad")
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 1
    assert "while unpickling builtins.int, in what the process Bad was given" in capfd.readouterr().err


def test_an_error_of_the_object_itself_keeps_its_type_and_words(ctx: Any) -> None:
    with pytest.raises(RaisesItsOwn.Refused) as caught:
        ctx.Queue().put({"a": [RaisesItsOwn()]})
    assert caught.value.args == (5, "not me")
    assert "obj['a'][0]" in str(caught.value.__cause__)


def test_a_failure_holds_nothing(ctx: Any) -> None:
    queue, task = ctx.Queue(), Task()
    seen = weakref.ref(task)
    gc.disable()
    try:
        with contextlib.suppress(TypeError):
            queue.put(task)
        del task
        assert seen() is None
    finally:
        gc.enable()


def test_too_deep(ctx: Any) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RecursionError, match="too deep"):
        ctx.Queue().put(deep)
    while deep:
        deep = deep.pop()


def test_a_large_object_is_searched(ctx: Any) -> None:
    with pytest.raises(TypeError, match=rf"{LOCK} \(obj\[1\]"):
        ctx.Queue().put([list(map(str, range(5_000))), threading.Lock()])


def test_a_library_that_teaches_pickles_own_table_more(ctx: Any, monkeypatch: Any) -> None:
    """As dill does: only the pickler in Python knows what it taught, and that one only looks for the culprit."""

    def save_lock(pickler: Any, lock: Any) -> None:
        pickler.save_reduce(threading.Lock, (), obj=lock)

    monkeypatch.setitem(pickle._Pickler.dispatch, type(threading.Lock()), save_lock)  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=rf"{LOCK} \(obj\._lock"):
        ctx.Queue().put(Log())


def test_what_cannot_be_unpickled_raises_where_it_is_received(ctx: Any) -> None:
    queue = ctx.Queue()
    near, far = ctx.Pipe()
    for send, receive in ((queue.put, queue.get), (near.send, far.recv)):
        for thing, kind, words in [
            (BadToUnpickle(), ValueError, "no number.*while unpickling builtins.int"),
            ([BadToUnpickle(), bytearray(10_000), array.array("i", range(9000))], ValueError, "while unpickling"),
        ]:
            send(thing)
            send("next")
            with pytest.raises(kind, match=f"(?s){words}.*sent by process \\d+ \\(OS pid {os.getpid()}\\)"):
                receive()
            assert receive() == "next"
    queue.put(BadState())
    with pytest.raises(KeyError) as caught:
        queue.get()
    assert caught.value.args == ("any",)
    assert f"the state of {HERE}.BadState" in str(caught.value.__cause__)


def test_the_sender_is_named_while_it_lives(ctx: Any) -> None:
    queue, go = ctx.Queue(), ctx.Event()
    process = ctx.Process(target=targets.put_bad_and_wait, args=(queue, go))
    process.start()
    with pytest.raises(ValueError, match=f"sent by process {process.pid} \\(OS pid {process.os_pid}\\)"):
        queue.get(timeout=PATIENCE)
    go.set()
    process.join()
    process = ctx.Process(target=targets.put_bad_and_wait, args=(queue, go))
    process.start()
    process.join()
    with pytest.raises(ValueError, match="sent by a process that has ended"):
        queue.get(timeout=PATIENCE)


def test_an_exception_with_another_constructor_comes_through(ctx: Any) -> None:
    queue = ctx.Queue()
    queue.put([targets.TwoArguments(7, "seven")])
    (error,) = queue.get()
    assert (str(error), error.code) == ("7: seven", 7)
    with ctx.Pool(1) as pool:
        with pytest.raises(targets.TwoArguments, match="5: by five") as caught:
            pool.apply(targets.raise_two)
        assert "raise_two" in str(caught.value.__cause__)
        assert pool.apply(targets.give, (1,)) == 1


def test_a_handle_that_was_not_sent_is_taken_back(ctx: Any) -> None:
    """So nothing keeps the object when the last who has it lets go."""
    queue = ctx.Queue(1)

    def fail_to_put(inner: Any) -> None:
        for thing in ([inner, threading.Lock()], [inner, closure(threading.Lock())]):
            with pytest.raises(TypeError):
                queue.put(thing)

    def find_it_full(inner: Any) -> None:
        queue.put(inner)
        with pytest.raises(Full):
            queue.put(inner, False)
        assert queue.get() is not inner

    for use in (fail_to_put, find_it_full):
        inner = ctx.Queue()
        place = inner._channel.offset, inner._channel.id
        use(inner)
        del inner
        await_freed(*place)


def await_freed(offset: int, number: int) -> None:
    from dragon import _shm

    gc.collect()
    end = time.monotonic() + PATIENCE
    while True:
        try:
            _shm.Channel.bind(offset, number).release()
        except _shm.NoSuchObject:
            return
        assert time.monotonic() < end, "something keeps the queue that was sent to nobody"
        time.sleep(0.01)


def test_lambdas_and_closures(ctx: Any) -> None:
    pytest.importorskip("cloudpickle")

    class Local:
        def __init__(self, number: int) -> None:
            self.number = number

    queue = ctx.Queue()
    queue.put(lambda: 5)
    assert queue.get()() == 5
    add = 10
    process = ctx.Process(target=lambda: queue.put(Local(add)))
    process.start()
    got = queue.get(timeout=PATIENCE)
    process.join()
    assert type(got) is Local and got.number == 10
    with ctx.Pool(2) as pool:
        assert pool.map(lambda x: x + add, range(5)) == [10, 11, 12, 13, 14]
        assert [type(each) for each in pool.map(lambda x: Local(x + add), range(2))] == [Local, Local]


def test_without_cloudpickle_the_error_says_what_to_do(ctx: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"local object.*obj.*pip install cloudpickle"):
        ctx.Queue().put([lambda: 5])
    with pytest.raises(TypeError) as caught:
        ctx.Queue().put(Task())
    assert "cloudpickle" not in str(caught.value)


SESSION = """
import dragon, multiprocessing as mp
ctx = dragon.get_context()

def double(x):
    return 2 * x

class Box:
    def __init__(self, x):
        self.x = x
    def more(self):
        return Box(self.x + 1)

def main():
    queue = ctx.Queue()
    process = ctx.Process(target=queue.put, args=(Box(double(4)),))
    process.start()
    got = queue.get(timeout=60)
    process.join()
    with ctx.Pool(2) as pool:
        print(got.x, type(got) is Box, pool.map(double, [1, 2]), type(pool.map(Box.more, [got])[0]) is Box)

main()
"""


@pytest.mark.parametrize("way", ["-c", "stdin", "-i", "zip"])
def test_a_main_that_is_no_file(tmp_path: Any, way: str) -> None:
    pytest.importorskip("cloudpickle")
    (tmp_path / "__main__.py").write_text(SESSION)
    arguments = {"-c": ["-c", SESSION], "stdin": [], "-i": ["-i", "-q"], "zip": [str(tmp_path)]}[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        input="" if way in ("-c", "zip") else SESSION,
        env={"PYTHONPATH": str(PYTHON), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "8 True [2, 4] True" in done.stdout, done.stdout + done.stderr


def test_a_session_without_cloudpickle(tmp_path: Any) -> None:
    (tmp_path / "cloudpickle.py").write_text("raise ImportError")
    program = textwrap.dedent("""
        import dragon
        def double(x): return 2 * x
        dragon.get_context().Queue().put({"__main__": 1})
        dragon.get_context().Queue().put([double])
    """)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{PYTHON}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "PicklingError: no other process can import <function double" in done.stderr
    assert "obj[0]" in done.stderr and "pip install cloudpickle" in done.stderr


@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_arrays_and_bytearrays_arrive_as_they_were(ctx: Any, size: int) -> None:
    queue = ctx.Queue()
    for thing in (bytearray(size), array.array("d", range(size)), [array.array("i", range(size)), bytearray(size)]):
        queue.put(thing)
        got = queue.get()
        assert got == thing and type(got) is type(thing)
    queue.put(array.array("i", range(size)))
    got = queue.get()
    got.append(1)  # it is its own
    got[0] = 2
