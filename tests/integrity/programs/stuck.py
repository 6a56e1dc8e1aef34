"""Eight workers are killed while nobody reads the program's output; how long it took until that was known goes into a file."""

import multiprocessing as mp
import pathlib
import sys
import time

import dragon  # noqa: F401

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from procs import Stopwatch


def talk(count):
    while True:
        print("x" * 1000)
        count.value += 1


def stay(ready):
    ready.release()
    time.sleep(600)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    ready, count = mp.Semaphore(0), mp.Value("q", 0)
    talker = mp.Process(target=talk, args=(count,), daemon=True)
    talker.start()
    workers = [mp.Process(target=stay, args=(ready,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    before = -1
    while count.value != before:  # until the talker is stuck
        before = count.value
        time.sleep(0.3)
    watch = Stopwatch()
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
    took = watch.seconds()
    talker.kill()
    with open(sys.argv[1], "w") as file:
        file.write(f"{took:.2f}\n")
