"""Waits for the end of the workers of a zygote that is killed, then starts more."""

import multiprocessing as mp
import time

import dragon  # noqa: F401


def wait(ready, event):
    ready.release()
    event.wait()


def sleep(ready, _):
    ready.release()
    time.sleep(1000)


def hold(ready, lock):
    lock.acquire()
    ready.release()
    time.sleep(1000)


def give(queue, number):
    queue.put(number)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    ready, event, lock, queue = mp.Semaphore(0), mp.Event(), mp.Lock(), mp.Queue()
    workers = [
        mp.Process(target=target, args=(ready, what))
        for target, what in ((wait, event), (sleep, None), (hold, lock), (wait, event))
    ]
    for each in workers:
        each.start()
    for _ in workers:
        ready.acquire()
    print("ready", flush=True)
    for each in workers:
        each.join()
    print("ended", *[each.exitcode for each in workers], flush=True)
    print("lock", lock.acquire(timeout=5), flush=True)
    more = [mp.Process(target=give, args=(queue, number)) for number in range(3)]
    for each in more:
        each.start()
    print("got", *sorted(queue.get(timeout=20) for _ in more), flush=True)
    for each in more:
        each.join()
    print("done", *[each.exitcode for each in more], flush=True)
