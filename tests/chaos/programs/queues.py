"""Producers and consumers on a bounded and an unbounded queue; the head sits in join."""

import multiprocessing as mp
import sys

import dragon  # noqa: F401


def produce(queue, big):
    number = 0
    while True:
        queue.put((number, b"x" * (200_000 if big and number % 10 == 0 else 8)))
        number += 1


def consume(queue, ready):
    queue.get()
    ready.release()
    while True:
        queue.get()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    ready = mp.Semaphore(0)
    everyone = []
    for queue, big in ((mp.Queue(2), True), (mp.Queue(50), False)):
        everyone += [mp.Process(target=produce, args=(queue, big)), mp.Process(target=consume, args=(queue, ready))]
    for each in everyone:
        each.start()
    ready.acquire()
    ready.acquire()
    print("ready", flush=True)
    for each in everyone:
        each.join()
    sys.exit(f"exit codes {[each.exitcode for each in everyone]}")
