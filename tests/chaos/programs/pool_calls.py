"""A thread in every kind of call of pools and executors, none of which will come to an end by itself; tells how each call ended and how long after the death.

Prints "ready" when all are in their calls; standard input is then waited for, and each call's end is a line "NAME ended with ERROR".
"""

import multiprocessing as mp
import os
import sys
import threading
import time

import dragon


def hold(path, number=0):
    """Says that it has begun, and holds its worker."""
    with open(path, "a") as book:
        book.write(".")
    time.sleep(1000)


def main(book):
    mp.set_start_method("dragon")
    pools = [mp.Pool(1) for _ in range(5)]
    executors = [dragon.ProcessPoolExecutor(1) for _ in range(3)]
    closed = mp.Pool(1)
    closed.apply_async(hold, (book,))
    closed.close()
    left = dragon.ProcessPoolExecutor(1)
    left.submit(hold, book)
    calls = {
        "apply": lambda: pools[0].apply(hold, (book,)),
        "map": lambda: pools[1].map(hold, [book]),
        "imap": lambda: next(pools[2].imap(hold, [book])),
        "imap_unordered": lambda: next(pools[3].imap_unordered(hold, iter([book]))),
        "timeout": lambda: pools[4].apply_async(hold, (book,)).get(1000),
        "result": lambda: executors[0].submit(hold, book).result(),
        "executor_map": lambda: list(executors[1].map(hold, [book])),
        "exception": lambda: print_error(executors[2].submit(hold, book)),
        "join": closed.join,
        "shutdown": left.shutdown,
    }

    def call(name):
        try:
            calls[name]()
            words = "nothing"
        except BaseException as error:
            words = f"{type(error).__name__}: {error}".replace("\n", " ")
        sys.stdout.write(f"{name} ended with {words}\n")  # at once: others write, too
        sys.stdout.flush()

    threads = [threading.Thread(target=call, args=(name,), daemon=True) for name in calls]
    for thread in threads:
        thread.start()
    while not os.path.exists(book) or os.path.getsize(book) < len(calls):
        time.sleep(0.01)
    print("ready", flush=True)
    for thread in threads:
        thread.join()
    print("all ended", flush=True)
    for name, again in {
        "apply again": lambda: pools[0].apply(abs, (1,)),
        "submit again": lambda: executors[0].submit(abs, 1).result(),
    }.items():
        try:
            again()
        except Exception as error:
            print(f"{name} ended with {type(error).__name__}: {error}", flush=True)


def print_error(future):
    error = future.exception()
    if error is not None:
        raise error


if __name__ == "__main__":
    main(sys.argv[1])
