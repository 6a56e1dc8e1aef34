"""ProcessPoolExecutor on the context, and Dragon's own beside the standard library's."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import others
from others import add, double, executor, fail, nothing, same, shared_executor
from words import caught, plain, told


def _done(future: Any) -> Any:
    futures.wait([future])
    return future


def submit(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return (
        it.submit(add, 1, 2, x=3).result(),
        it.submit(add).result(),
        told(it.submit(fail, "x").result),
        told(it.submit(fail, "x").exception),
        it.submit(nothing).exception(),
        it.submit(same, fn=1).exception() is not None,
    )


def submit_with_bad_arguments(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return (told(it.submit), told(it.submit(5).result), told(it.submit(add, "a").result), told(it.submit(double).result), told(it.submit, fn=double))


def states(ctx: Any) -> Any:
    with others.Gate() as gate:
        future = shared_executor(ctx).submit(gate.hold)
        before = (future.done(), told(future.result, 0), told(future.exception, 0.01), told(future.result, timeout=-1), future.cancelled())
        gate.open()
        _done(future)
    after = (future.result(), future.done(), future.running(), future.cancelled(), future.cancel(), told(future.result, 0), plain(repr(future)))
    return before, after


def failed_looks(ctx: Any) -> Any:
    return plain(repr(_done(shared_executor(ctx).submit(fail)))), plain(repr(_done(shared_executor(ctx).submit(double, 2))))


def callbacks(ctx: Any) -> Any:
    heard: list[Any] = []
    future = shared_executor(ctx).submit(double, 2)
    came = threading.Event()
    future.add_done_callback(lambda each: (heard.append(each is future), came.set()))
    came.wait(30)
    future.add_done_callback(lambda each: heard.append(each.result()))
    return heard


def callback_that_fails(ctx: Any) -> Any:
    future = _done(shared_executor(ctx).submit(double, 2))
    return told(future.add_done_callback, lambda each: 1 / 0), future.result()


def map(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return (
        list(it.map(double, range(5))),
        list(it.map(add, [1, 2], [3, 4])),
        list(it.map(add, [1, 2], [3])),
        list(it.map(double, [])),
        list(it.map(double, range(5), chunksize=2)),
        list(it.map(add)),
        list(it.map(double, iter([1]))),
    )


def map_chunks(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return (
        [told(it.map, double, [1], chunksize=size) for size in (0, -1)],
        list(it.map(double, range(3), chunksize=100)),
        list(it.map(double, [], chunksize=5)),
    )


def map_fails(ctx: Any) -> Any:
    results = shared_executor(ctx).map(others.fail_at, range(4))
    seen = [told(next, results) for _ in range(5)]
    chunked = shared_executor(ctx).map(others.fail_at, range(4), chunksize=2)
    return seen, [told(next, chunked) for _ in range(4)]


def map_with_timeout(ctx: Any) -> Any:
    it = shared_executor(ctx)
    with others.Gate() as gate:
        results = it.map(gate.hold, range(2), timeout=0.01)
        seen = told(next, results), told(next, results)
        gate.open()
    return (*seen, told(lambda: list(it.map(others.sleep, [0], timeout=30))), told(it.map, double, [1], timeout="x") != "")


def map_of_what_is_no_iterable(ctx: Any) -> Any:
    return told(shared_executor(ctx).map, double, 5), told(shared_executor(ctx).map)


def map_of_a_broken_iterable(ctx: Any) -> Any:
    return told(shared_executor(ctx).map, double, _broken())


def _broken() -> Any:
    yield 1
    raise KeyError("from the iterable")


def sizes(ctx: Any) -> Any:
    return [told(executor, ctx, size) for size in (0, -1)], [caught(TypeError, executor, ctx, size) for size in ("2", [])]


def settings(ctx: Any) -> Any:
    return (told(executor, ctx, 1, initializer=5), told(executor, ctx, 1, frob=1), told(executor, ctx, 1, initializer="text"))


def tasks_per_child(ctx: Any) -> Any:
    if sys.version_info < (3, 11):
        return "later"
    seen = [told(executor, ctx, 1, max_tasks_per_child=number) for number in (0, -1, "1", 1.5)]
    with executor(ctx, 1, max_tasks_per_child=1) as it:
        return seen, len({it.submit(os.getpid).result() for _ in range(2)})


def initializer(ctx: Any) -> Any:
    with executor(ctx, 1, initializer=_remember, initargs=(5,)) as it:
        return it.submit(_recall).result()


_remembered: list[Any] = []


def _remember(thing: Any) -> None:
    _remembered.append(thing)


def _recall() -> Any:
    return _remembered


def initializer_that_fails(ctx: Any) -> Any:
    it = executor(ctx, 1, initializer=fail)
    future = it.submit(double, 1)
    seen = (
        caught(BrokenProcessPool, future.result),
        caught(BrokenProcessPool, it.submit, double, 1),
        caught(BrokenProcessPool, it.submit, double, 2),
        isinstance(future.exception(), futures.BrokenExecutor),
    )
    it.shutdown()
    return seen


def after_shutdown(ctx: Any) -> Any:
    it = executor(ctx, 1)
    future = it.submit(double, 2)
    it.shutdown()
    return (future.result(), told(it.submit, double, 1), told(it.map, double, [1]), told(it.shutdown), told(it.shutdown, False))


def after_shutdown_unused(ctx: Any) -> Any:
    it = executor(ctx, 1)
    it.shutdown()
    return told(it.submit, double, 1)


def in_with(ctx: Any) -> Any:
    with executor(ctx, 1) as it:
        pending = [it.submit(double, each) for each in range(5)]
    return ([each.done() for each in pending], [each.result() for each in pending], told(it.submit, double, 1), told(it.__enter__) != "")


def shutdown_without_waiting(ctx: Any) -> Any:
    it = executor(ctx, 1)
    with others.Gate() as gate:
        future = it.submit(gate.hold)
        it.shutdown(wait=False)
        gate.open()
        seen = future.result(30)
    for each in set(ctx.active_children()) - others.kept():
        each.join()
    return seen


def shutdown_that_cancels(ctx: Any) -> Any:
    it = executor(ctx, 1)
    with others.Gate() as gate:
        pending = [it.submit(gate.hold) for _ in range(8)]
        pending[-1].add_done_callback(gate.open)
        it.shutdown(wait=True, cancel_futures=True)
    return (pending[0].result(), pending[-1].cancelled(), told(pending[-1].result), all(each.done() for each in pending), plain(repr(pending[-1])))


def cancelled(ctx: Any) -> Any:
    with others.Gate() as gate, executor(ctx, 1) as it:
        pending = [it.submit(gate.hold) for _ in range(8)]
        last = pending[-1]
        seen = (last.cancel(), last.cancelled(), last.done(), last.cancel(), told(last.result), told(last.exception), last.running())
        gate.open()
        return seen, pending[0].result(), pending[0].cancel()


def errors_arrive(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return [
        told(it.submit(others.fail_with, error).result)
        for error in (KeyError("k"), OSError(2, "no", "file"), others.Custom("c"), StopIteration(1), SystemExit(3), BaseException("b"))
    ]


def error_with_a_cause(ctx: Any) -> Any:
    error = shared_executor(ctx).submit(others.fail_from).exception()
    cause = str(error.__cause__)
    return (type(error).__name__, type(error.__cause__).__name__, "KeyError: 'inner'" in cause, cause.startswith('\n"""\n'), cause.endswith('\n"""'))


def arguments_that_cannot_be_pickled(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return told(it.submit(same, others.NotOut()).result), it.submit(same, 1).result()


def results_that_cannot_be_pickled(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return told(it.submit(others.not_out).result), it.submit(same, 1).result()


def waited_for(ctx: Any) -> Any:
    it = shared_executor(ctx)
    some = [it.submit(double, each) for each in range(3)]
    done, not_done = futures.wait(some)
    with others.Gate() as gate:
        slow = it.submit(gate.hold)
        first = futures.wait([slow, it.submit(double, 1)], return_when=futures.FIRST_COMPLETED)
        failed = futures.wait([it.submit(fail)], return_when=futures.FIRST_EXCEPTION)
        seen = (
            len(done),
            len(not_done),
            [len(each) for each in first],
            len(failed.done),
            len(futures.wait([slow], timeout=0).done),
            told(futures.wait, [slow], return_when="never"),
            told(lambda: list(futures.as_completed([slow], timeout=0))),
        )
        gate.open()
        return seen, sorted(each.result() for each in futures.as_completed(some)), slow.result()


def killed(ctx: Any) -> Any:
    it = executor(ctx, 1)
    future = it.submit(others.kill_me)
    seen = (caught(BrokenProcessPool, future.result), isinstance(future.exception(), futures.BrokenExecutor), isinstance(future.exception(), RuntimeError))
    it.shutdown()
    return seen


def leaves(ctx: Any) -> Any:
    it = executor(ctx, 1)
    seen = caught(BrokenProcessPool, it.submit(others.leave_at_once, 3).result)
    it.shutdown()
    return seen


def broken_for_good(ctx: Any) -> Any:
    it = executor(ctx, 1)
    caught(BrokenProcessPool, it.submit(others.kill_me).result)
    seen = caught(BrokenProcessPool, lambda: it.submit(double, 1).result())
    it.shutdown()
    return seen


def pickled(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return told(lambda: pickle.dumps(it)).split("(")[0], told(lambda: pickle.dumps(_done(it.submit(nothing)))).split("(")[0]


def nested(ctx: Any) -> Any:
    return told(shared_executor(ctx).submit(_nested).result)


def _nested() -> Any:
    import multiprocessing

    with futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context()) as it:
        return it.submit(double, 4).result()


def who_works(ctx: Any) -> Any:
    return shared_executor(ctx).submit(_who).result()


def _who() -> Any:
    import multiprocessing

    me = multiprocessing.current_process()
    return me.daemon, me.is_alive()


def written(ctx: Any) -> Any:
    with executor(ctx, 1) as it:
        it.submit(others.write, "from a worker").result()


def class_of_it(ctx: Any) -> Any:
    it = shared_executor(ctx)
    return (
        isinstance(it, futures.ProcessPoolExecutor),
        isinstance(it, futures.Executor),
        isinstance(it.submit(nothing), futures.Future),
        sorted(each for each in dir(it.submit(nothing)) if each[0] != "_" and each not in ("begin", "fail", "forget", "give_up")),
    )


def asyncio(ctx: Any) -> Any:
    import asyncio

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(shared_executor(ctx), double, each) for each in range(3)))

    return asyncio.run(main())


def from_threads(ctx: Any) -> Any:
    it, found = shared_executor(ctx), []
    threads = [threading.Thread(target=lambda each=each: found.append(it.submit(double, each).result())) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sorted(found)


def time_of_a_timeout(ctx: Any) -> Any:
    with others.Gate() as gate:
        future = shared_executor(ctx).submit(gate.hold)
        began = time.monotonic()
        text = told(future.result, 0.05)
        waited = time.monotonic() - began >= 0.05
        gate.open()
        future.result()
    return text, waited


TABLE = {
    "result by keyword": lambda ctx: shared_executor(ctx).submit(double, 1).result(timeout=30),
    "shutdown with a bad argument": lambda ctx: told(executor(ctx, 1).shutdown, frob=1),
    "shutdown unused": lambda ctx: executor(ctx, 1).shutdown(),
    "a large result": lambda ctx: len(shared_executor(ctx).submit(bytes, 1 << 21).result()),
    "a method": lambda ctx: shared_executor(ctx).submit("-".join, ["a", "b"]).result(),
    "set_result of a user": lambda ctx: caught(futures.InvalidStateError, _done(shared_executor(ctx).submit(nothing)).set_result, 1),
}  # fmt: skip
