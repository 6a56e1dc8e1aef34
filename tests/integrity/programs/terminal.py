"""Says what the head has for standard streams, then waits in the way that is asked for: join, get, map, sleep, lock, input, stubborn; or in
a call of a pool or an executor: see POOLS."""

import multiprocessing as mp
import signal
import sys
import threading
import time

import dragon


def work(_):
    time.sleep(1000)


def interrupted(number):
    """A task that Ctrl-C finds at work, and that does not end when it is asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    work(number)


def executor_left_open():
    executor = dragon.ProcessPoolExecutor(2)
    future = executor.submit(work, 1)
    executor.submit(work, 2)
    ready()
    future.result()


def executor(call):
    with dragon.ProcessPoolExecutor(2) as executor:
        executor.submit(work, 1)
        ready()
        call(executor)


def pool(call):
    with mp.Pool(2) as pool:
        ready()
        call(pool)


def pool_left_open(task=work):
    pool = mp.Pool(2)
    ready()
    pool.map(task, range(4))


def in_a_thread(call):
    """The main thread is interrupted while another one waits, which nobody else would end."""
    threading.Thread(target=call).start()
    time.sleep(1000)


POOLS = {
    "apply": lambda: pool(lambda pool: pool.apply(work, (1,))),
    "imap": lambda: pool(lambda pool: list(pool.imap(work, range(4)))),
    "deaf": lambda: pool(lambda pool: pool.map(interrupted, range(2))),
    "left-open": pool_left_open,
    "deaf-left-open": lambda: pool_left_open(interrupted),
    "submit": lambda: executor(lambda executor: executor.submit(work, 1).result()),
    "executor-map": lambda: executor(lambda executor: list(executor.map(work, range(4)))),
    "executor-left-open": executor_left_open,
    "pool-in-a-thread": lambda: in_a_thread(pool_left_open),
    "executor-in-a-thread": lambda: in_a_thread(executor_left_open),
}


def wait(how):
    if how in POOLS:
        POOLS[how]()
    elif how == "join":
        process = mp.Process(target=work, args=(0,))
        process.start()
        ready()
        process.join()
    elif how == "get":
        ready()
        mp.Queue().get()
    elif how == "map":
        with mp.Pool(2) as pool:
            result = pool.map_async(work, range(2), callback=print)
            ready()
            result.get()
    elif how == "lock":
        lock = mp.Lock()
        lock.acquire()
        ready()
        lock.acquire()
    elif how == "sleep":
        mp.Process(target=work, args=(0,)).start()
        ready()
        work(0)
    elif how == "input":
        ready()
        print("said", input())
    elif how == "stubborn":
        mp.Process(target=work, args=(0,)).start()
        ready()
        while True:
            try:
                time.sleep(1000)
            except KeyboardInterrupt:
                print("not yet", flush=True)


def ready():
    print("ready", flush=True)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    print("isatty", *[stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)])
    wait(sys.argv[1])
