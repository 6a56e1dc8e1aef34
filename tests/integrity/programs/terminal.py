"""Says what the head has for standard streams, then waits in the way that is asked for: join, get, map, sleep, lock, input, stubborn."""

import multiprocessing as mp
import sys
import time

import dragon  # noqa: F401


def work(_):
    time.sleep(1000)


def wait(how):
    if how == "join":
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
