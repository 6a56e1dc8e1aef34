"""Queue, JoinableQueue, SimpleQueue."""

from __future__ import annotations

import pickle
import queue
import threading
import time
from multiprocessing import queues
from typing import Any

from others import NotBack, NotOut, answer, child, code, kill_me
from words import calls, caught, told


def _each(ctx: Any) -> Any:
    return {name: getattr(ctx, name)() for name in ("Queue", "JoinableQueue", "SimpleQueue")}


def _taken(thing: Any, number: int = 1) -> Any:
    return [thing.get(timeout=30) for _ in range(number)]


def look(ctx: Any) -> Any:
    return {name: repr(each) for name, each in _each(ctx).items()}


def are_of_the_classes_of_queues(ctx: Any) -> Any:
    return {name: isinstance(each, getattr(queues, name)) for name, each in _each(ctx).items()}


def pickled(ctx: Any) -> Any:
    return {name: told(lambda each=each: len(pickle.dumps(each)) > 0) for name, each in _each(ctx).items()}


def in_order(ctx: Any) -> Any:
    made = ctx.Queue()
    for each in (1, None, "text", [1, 2], {"a": 1}, b"bytes", 2.5):
        made.put(each)
    return _taken(made, 7), calls(made, ("get", False), ("get_nowait",), ("get", True, 0.01), ("get", True, 0), ("get", False, 5))


def after_close(ctx: Any) -> Any:
    made = ctx.Queue()
    made.close()
    return calls(made, ("put", 1), ("put_nowait", 1), ("get",), ("get_nowait",), ("qsize",), ("full",), ("close",), ("join_thread",), ("cancel_join_thread",))


def empty_after_close(ctx: Any) -> Any:
    fresh, used = ctx.Queue(), ctx.Queue()
    used.put(1)
    used.get()
    for each in (fresh, used):
        each.close()
    used.join_thread()
    return told(used.empty)


def joinable_after_close(ctx: Any) -> Any:
    made = ctx.JoinableQueue()
    made.close()
    return calls(made, ("put", 1), ("get",), ("task_done",), ("join",))


def simple_after_close(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    made.close()
    return calls(made, ("put", 1), ("get",), ("empty",), ("close",))


def full(ctx: Any) -> Any:
    made = ctx.Queue(2)
    seen = [made.full()]
    made.put(1)
    made.put(2, block=False)
    seen += [
        made.full(),
        made.qsize(),
        *calls(made, ("put", 3, False), ("put_nowait", 3), ("put", 3, True, 0.01), ("put", 3, True, 0), ("put", 3, True, -1), ("put", 3, False, -1)),
    ]
    _taken(made)
    made.put(3)
    return seen, _taken(made, 2)


def put_makes_room(ctx: Any) -> Any:
    made = ctx.Queue(1)
    made.put(1)
    thread = threading.Thread(target=made.put, args=(2,))
    thread.start()
    seen = _taken(made, 2)
    thread.join()
    return seen, made.full()


def put_with_bad_arguments(ctx: Any) -> Any:
    made = ctx.Queue(1)
    seen = [told(made.put), told(made.put, 1, True, None, 4), told(made.put, 1, blocking=False), told(made.put, obj=1, block=True, timeout=None)]
    _taken(made)
    return seen


def get_with_bad_arguments(ctx: Any) -> Any:
    made = ctx.Queue()
    return (told(made.get, True, "1").split("(")[0], told(made.get, 1, 0.01, 2), told(made.get, block=False), told(made.get, timeout=0.01))


def get_by_keyword(ctx: Any) -> Any:
    made = ctx.Queue()
    made.put("a")
    return made.get(block=True, timeout=None)


def get_waits(ctx: Any) -> Any:
    made = ctx.Queue()
    began = time.monotonic()
    return told(made.get, timeout=0.1), time.monotonic() - began >= 0.1


def get_with_negative_timeout(ctx: Any) -> Any:
    made = ctx.Queue()
    return told(made.get, True, -1), told(made.get, False, -1)


def sizes(ctx: Any) -> Any:
    made = ctx.Queue(5)
    seen = [(made.qsize(), made.full(), made.empty())]
    made.put(1)
    made.put(2)
    _taken(made)
    seen.append((made.qsize(), made.full()))
    return seen


def between_processes(ctx: Any) -> Any:
    made = ctx.Queue()
    process = ctx.Process(target=made.put, args=(["x"],))
    process.start()
    seen = _taken(made)
    process.join()
    return seen, process.exitcode


def get_in_child(ctx: Any) -> Any:
    made = ctx.Queue()
    made.put(1)
    return answer(ctx, _get_two, made)


def _get_two(made: Any) -> Any:
    return made.get(timeout=30), told(made.get, True, 0.01), made.qsize()


def full_in_child(ctx: Any) -> Any:
    made = ctx.Queue(1)
    made.put(1)
    return answer(ctx, _put_more, made), _taken(made)


def _put_more(made: Any) -> Any:
    return told(made.put, 2, False), made.full(), made.qsize()


def closed_in_parent_not_in_child(ctx: Any) -> Any:
    made = ctx.Queue()
    process = ctx.Process(target=_get_two, args=(made,))
    process.start()
    made.put(1)
    made.close()
    made.join_thread()
    process.join()
    return process.exitcode


def child_leaves_an_item(ctx: Any) -> Any:
    made = ctx.Queue()
    return code(ctx, _put_and_end, made), _taken(made, 3)


def _put_and_end(made: Any) -> None:
    for each in range(3):
        made.put(each)


def child_leaves_an_item_and_cancels(ctx: Any) -> Any:
    made = ctx.Queue()
    return code(ctx, _put_and_cancel, made)


def _put_and_cancel(made: Any) -> None:
    made.put(1)
    made.cancel_join_thread()
    made.close()
    made.join_thread()


def what_cannot_be_unpickled(ctx: Any) -> Any:
    made = ctx.Queue()
    made.put(NotBack())
    made.put(1)
    return told(made.get), made.get()


def simple_in_order(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    seen = [made.empty()]
    for each in (1, None, "text"):
        made.put(each)
    seen += [made.empty(), made.get(), made.get(), made.get(), made.empty(), hasattr(made, "qsize"), hasattr(made, "put_nowait")]
    made.close()
    return seen


def simple_what_cannot_be_pickled(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    seen = told(made.put, NotOut()), told(made.put, NotBack()), told(made.get)
    made.close()
    return seen


def simple_between_processes(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    seen = code(ctx, made.put, "x"), made.get()
    made.close()
    return seen


def simple_with_bad_arguments(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    seen = told(made.put), told(made.get, False), told(made.put, 1, False), told(ctx.SimpleQueue, 3)
    made.close()
    return seen


def joinable_counts(ctx: Any) -> Any:
    made = ctx.JoinableQueue()
    seen = [told(made.task_done), told(made.join)]
    made.put(1)
    made.put(2)
    _taken(made, 2)
    return [*seen, *calls(made, ("task_done",), ("task_done",), ("join",), ("task_done",))]


def joinable_by_child(ctx: Any) -> Any:
    made = ctx.JoinableQueue(3)
    process = ctx.Process(target=_work_off, args=(made,))
    process.start()
    for each in (1, 2, 3, None):
        made.put(each)
    made.join()
    process.join()
    return process.exitcode, told(made.task_done)


def _work_off(made: Any) -> None:
    while made.get() is not None:
        made.task_done()
    made.task_done()


def joinable_full(ctx: Any) -> Any:
    made = ctx.JoinableQueue(1)
    made.put(1)
    return told(made.put, 2, False), _taken(made), made.task_done(), made.join()


def feeder_error_hook(ctx: Any) -> Any:
    heard: list[Any] = []

    class Mine(type(ctx.Queue())):  # type: ignore[misc]
        def _on_queue_feeder_error(self, error: Any, thing: Any) -> None:
            heard.append((repr(error), type(thing).__name__))

    made = Mine(ctx=ctx.get_context())
    made.put(NotOut())
    made.put(1)
    return _taken(made), heard


def subclass_made_in_child(ctx: Any) -> Any:
    class Mine(type(ctx.Queue())):  # type: ignore[misc]
        pass

    made = Mine(2, ctx=ctx.get_context())
    made.put(1)
    return _taken(made), isinstance(made, queues.Queue), repr(made)


def in_a_queue(ctx: Any) -> Any:
    made, other = ctx.SimpleQueue(), ctx.Queue()
    seen = told(made.put, other)
    made.close()
    return seen


def many_producers(ctx: Any) -> Any:
    made = ctx.Queue()
    processes = [ctx.Process(target=_put_and_end, args=(made,)) for _ in range(2)]
    for each in processes:
        each.start()
    seen = sorted(_taken(made, 6))
    for each in processes:
        each.join()
    return seen


def child_killed_after_put(ctx: Any) -> Any:
    made = ctx.SimpleQueue()
    seen = code(ctx, _put_and_die, made), made.get()
    made.close()
    return seen


def _put_and_die(made: Any) -> None:
    made.put("last")
    kill_me()


def readers_and_writers(ctx: Any) -> Any:
    from multiprocessing.connection import wait

    made = ctx.Queue()
    seen = wait([made._reader], 0)
    made.put(1)
    ready = wait([made._reader], 30) == [made._reader]
    return seen, ready, made._reader.poll(), _taken(made), made._reader.poll(0)


TABLE = {
    "queue of text": lambda ctx: caught(TypeError, ctx.Queue, "5"),
    "queue of a float": lambda ctx: caught(TypeError, ctx.Queue, 1.5),
    "queue of less than none": lambda ctx: (made := ctx.Queue(-1), made.put(1), made.full(), _taken(made))[1:],
    "queue of None": lambda ctx: caught(TypeError, ctx.Queue, None),
    "queue by keyword": lambda ctx: ctx.Queue(maxsize=1).full(),
    "queue with too many arguments": lambda ctx: ctx.Queue(1, 2),
    "queue by the class without a context": lambda ctx: type(ctx.Queue())(),
    "joinable queue of less than none": lambda ctx: (made := ctx.JoinableQueue(-1), made.put(1), made.full(), _taken(made))[1:],
    "queue join_thread before close": lambda ctx: ctx.Queue().join_thread(),
    "queue cancel_join_thread before close": lambda ctx: ctx.Queue().cancel_join_thread(),
    "queue close twice": lambda ctx: (made := ctx.Queue(), made.close(), made.close(), made.join_thread(), made.join_thread())[1:],
    "queue get_nowait": lambda ctx: ctx.Queue().get_nowait(),
    "queue get_nowait with an argument": lambda ctx: ctx.Queue().get_nowait(1),
    "queue has no join": lambda ctx: (hasattr(ctx.Queue(), "join"), hasattr(ctx.Queue(), "task_done"), hasattr(ctx.Queue(), "shutdown")),
    "queue as a boolean": lambda ctx: bool(ctx.Queue()),
    "queue has no length": lambda ctx: len(ctx.Queue()),
    "queue is not iterable": lambda ctx: iter(ctx.Queue()),
    "the errors of queues": lambda ctx: (queues.Empty is queue.Empty, queues.Full is queue.Full),
    "queue unpicklable": lambda ctx: child(ctx, ctx.Queue().empty).exitcode,
    "simple queue looks": lambda ctx: repr(ctx.SimpleQueue()),
    "simple queue by the class without a context": lambda ctx: type(ctx.SimpleQueue())(),
    "many small": lambda ctx: (made := ctx.Queue(), [made.put(each) for each in range(500)], _taken(made, 500) == list(range(500)))[2],
    "a large one": lambda ctx: (made := ctx.Queue(), made.put(bytes(1 << 21)), len(made.get(timeout=30)))[2],
}  # fmt: skip
