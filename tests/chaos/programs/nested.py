"""Processes that start processes, three deep; all of them wait for a message that never comes."""

import multiprocessing as mp

import dragon  # noqa: F401


def descend(depth, queue, ready):
    children = [mp.Process(target=descend, args=(depth - 1, queue, ready)) for _ in range(2 if depth else 0)]
    for each in children:
        each.start()
    ready.release()
    if depth == 1:
        children[0].join()
    queue.get()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    queue, ready = mp.Queue(), mp.Semaphore(0)
    mp.Process(target=descend, args=(2, queue, ready)).start()
    for _ in range(1 + 2 + 4):
        ready.acquire()
    print("ready", flush=True)
    queue.get()
