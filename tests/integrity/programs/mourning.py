"""Workers that wait for each other and for the head in every way there is, and are ended with the run: none of them is to say a word of it."""

import multiprocessing as mp
import sys
import time
from multiprocessing import connection

import dragon

WAYS = [
    "recv",
    "wait",
    "peer",
    "get",
    "task",
    "lock",
    "event",
    "condition",
    "barrier",
    "semaphore",
    "join",
    "proxy",
    "pool",
    "executor",
    "nested",
    "grandchild",
]


def wait(way, ready, thing):
    ready.send(way)
    if way in ("recv", "peer"):
        thing.recv()
    elif way == "wait":
        connection.wait([thing])
    elif way in ("get", "proxy"):
        thing.get()
    elif way == "task":
        thing.join()
    elif way in ("lock", "semaphore"):
        thing.acquire()
    elif way in ("event", "barrier"):
        thing.wait()
    elif way == "condition":
        with thing:
            thing.wait()
    elif way == "join":
        child = mp.Process(target=time.sleep, args=(1000,))
        child.start()
        child.join()
    elif way == "grandchild":
        here, there = mp.Pipe()
        child = mp.Process(target=there_waits, args=(there,))
        child.start()
        there.close()
        child.join()
    elif way == "nested":
        with mp.Pool(2) as pool:
            pool.map(time.sleep, [1000] * 4)


def there_waits(connection):
    connection.recv()


def wait_in_a_task(ready, connection):
    ready.send("task")
    connection.recv()


def things():
    """Each with what waits on it; the head or another worker holds the other side."""
    manager = mp.Manager()
    here, there = mp.Pipe()
    left, right = mp.Pipe()
    lock, semaphore = mp.Lock(), mp.Semaphore(0)
    lock.acquire()
    tasks = mp.JoinableQueue()
    tasks.put(1)
    made = {
        "recv": here,
        "wait": here,
        "get": mp.Queue(),
        "task": tasks,
        "lock": lock,
        "semaphore": semaphore,
        "event": mp.Event(),
        "condition": mp.Condition(),
        "barrier": mp.Barrier(2),
        "join": None,
        "nested": None,
        "grandchild": None,
        "proxy": manager.Queue(),
    }
    return [*made.items(), ("peer", left), ("peer", right)], (manager, there)


def main(daemon):
    receiver, ready = mp.Pipe(duplex=False)
    waits, kept = things()
    processes = [
        mp.Process(target=wait, args=(way, ready, thing), daemon=daemon)
        for way, thing in waits
        if not daemon or way not in ("join", "nested", "grandchild")
    ]
    for process in processes:
        process.start()
    pool, executor = mp.Pool(2), dragon.ProcessPoolExecutor(2)
    ends = [mp.Pipe() for _ in range(4)]
    for number, (here, _) in enumerate(ends):
        pool.apply_async(wait_in_a_task, (ready, here)) if number % 2 else executor.submit(wait_in_a_task, ready, here)
    for _ in range(len(processes) + len(ends)):
        receiver.recv()
    print("ready", flush=True)
    time.sleep(1000)
    del kept


if __name__ == "__main__":
    mp.set_start_method("dragon")
    main(sys.argv[1] == "daemons")
