"""A process prints a line and tells the head of it, in each way there is; the head then prints a line."""

import multiprocessing as mp
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import dragon

ROUNDS = 20


def say(way, number):
    print("worker", way, number)


def reply(way, number):
    say(way, number)
    return number


def tell(way, asked, thing, call, *args):
    for number in range(ROUNDS):
        asked.acquire()
        say(way, number)
        getattr(thing, call)(*args)


def hold(way, asked, held, lock):
    for number in range(ROUNDS):
        asked.acquire()
        with lock:
            held.release()
            say(way, number)


def notify(way, asked, condition):
    for number in range(ROUNDS):
        asked.acquire()
        with condition:
            say(way, number)
            condition.notify()


def finish(way, tasks):
    for number in range(ROUNDS):
        tasks.get()
        say(way, number)
        tasks.task_done()


def heard(way, number):
    sys.stdout.write(f"head {way} {number}\n")
    sys.stdout.flush()


def by(way, thing, call, *args, hear, clear=lambda: None):
    asked = mp.Semaphore(0)
    process = mp.Process(target=tell, args=(way, asked, thing, call, *args))
    process.start()
    for number in range(ROUNDS):
        asked.release()
        hear()
        heard(way, number)
        clear()
    process.join()


def by_lock():
    asked, held, lock = mp.Semaphore(0), mp.Semaphore(0), mp.Lock()
    process = mp.Process(target=hold, args=("lock", asked, held, lock))
    process.start()
    for number in range(ROUNDS):
        asked.release()
        held.acquire()
        with lock:
            heard("lock", number)
    process.join()


def by_condition():
    asked, condition = mp.Semaphore(0), mp.Condition()
    process = mp.Process(target=notify, args=("condition", asked, condition))
    process.start()
    for number in range(ROUNDS):
        with condition:
            asked.release()
            condition.wait()
        heard("condition", number)
    process.join()


def by_task_done():
    tasks = mp.JoinableQueue()
    process = mp.Process(target=finish, args=("task_done", tasks))
    process.start()
    for number in range(ROUNDS):
        tasks.put(number)
        tasks.join()
        heard("task_done", number)
    process.join()


def by_results():
    with mp.Pool(2) as pool:
        for number in range(ROUNDS):
            pool.apply(say, ("apply", number))
            heard("apply", number)
        for number in pool.imap(lambda number: reply("imap", number), range(ROUNDS)):
            heard("imap", number)
        for number in range(ROUNDS):
            done = threading.Event()
            pool.apply_async(
                reply, ("callback", number), callback=lambda number, done=done: (heard("callback", number), done.set())
            )
            done.wait()
    with dragon.ProcessPoolExecutor(2) as executor:
        for number in range(ROUNDS):
            executor.submit(say, "submit", number).result()
            heard("submit", number)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    queue, simple, (near, far) = mp.Queue(), mp.SimpleQueue(), mp.Pipe()
    event, semaphore, barrier = mp.Event(), mp.Semaphore(0), mp.Barrier(2)
    by("queue", queue, "put", 1, hear=queue.get)
    by("simple", simple, "put", 1, hear=simple.get)
    by("pipe", far, "send", [1], hear=near.recv)
    by("bytes", far, "send_bytes", b"1", hear=near.recv_bytes)
    by("event", event, "set", hear=event.wait, clear=event.clear)
    by("semaphore", semaphore, "release", hear=semaphore.acquire)
    by("barrier", barrier, "wait", hear=barrier.wait)
    with ThreadPoolExecutor(1) as thread:
        by("thread", queue, "put", 1, hear=lambda: thread.submit(queue.get).result())
    with mp.Manager() as manager:
        proxy = manager.Queue()
        by("manager", proxy, "put", 1, hear=proxy.get)
    by_lock()
    by_condition()
    by_task_done()
    by_results()
