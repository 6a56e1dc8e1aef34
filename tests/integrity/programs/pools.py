"""What a program may do with pools, by name; it says "done" when all of it came out right."""

import multiprocessing as mp
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import dragon


def square(number):
    return number * number


def work(_):
    time.sleep(1000)


def pid(_):
    return mp.current_process().pid  # the run's number, which never comes again


def put(queue, lock):
    with lock:
        queue.put(1)


def beside():
    """Three start methods at once, in whichever order they come; an object of ours goes to all of them."""
    contexts = [mp.get_context(method) for method in ("fork", "dragon", "spawn")]
    pools = [context.Pool(1) for context in contexts]
    for _ in range(3):
        for pool in pools:
            assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    queue, lock = contexts[1].Queue(), contexts[1].Lock()
    for context in contexts:
        process = context.Process(target=put, args=(queue, lock))
        process.start()
        process.join()
        assert process.exitcode == 0 and queue.get(timeout=30) == 1
    for pool in pools:
        pool.close()
        pool.join()


def everything():
    """A little of each, of which no warning is to come."""
    mp.set_start_method("dragon")
    queue, lock = mp.Queue(), mp.Lock()
    process = mp.Process(target=put, args=(queue, lock))
    process.start()
    process.join()
    assert queue.get() == 1
    with mp.Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
    pool.join()
    with mp.Manager() as manager:
        shared = manager.dict()
        shared[1] = 2
        assert shared[1] == 2
    near, far = mp.Pipe()
    near.send(1)
    assert far.recv() == 1
    near.close()
    far.close()
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(create=True, size=100)
    memory.close()
    memory.unlink()
    for executor in (dragon.ProcessPoolExecutor(2), ProcessPoolExecutor(2)):
        with executor:
            assert list(executor.map(square, range(4))) == [0, 1, 4, 9]


def unjoined():
    """Ends with pools that nobody ended: one at work, one idle, one of another thread."""
    mp.set_start_method("dragon")
    pools = [mp.Pool(1), mp.Pool(1)]
    thread = threading.Thread(target=lambda: pools.append(mp.Pool(1)))
    thread.start()
    thread.join()
    pools[0].map_async(work, range(3))
    globals()["kept"] = pools


def forked():
    """User code forks in a program with a pool: the child leaves it alone, and has its own."""
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
        child = os.fork()
        if child == 0:
            with mp.Pool(1) as own:
                assert own.map(square, range(3)) == [0, 1, 4]
            sys.exit(3)  # in order, with what that runs
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert pool.map(square, range(4)) == [0, 1, 4, 9]


def limited(tasks="100"):
    """Each task has a worker of its own."""
    mp.set_start_method("dragon")
    with mp.Pool(4, maxtasksperchild=1) as pool:
        assert len(set(pool.map(pid, range(int(tasks)), chunksize=1))) == int(tasks)
    pool.join()


if __name__ == "__main__":
    ways = {each.__name__: each for each in (beside, everything, unjoined, forked, limited)}
    ways[sys.argv[1]](*sys.argv[2:])
    print("done")
