"""Four processes that fight for a lock and an RLock, and the head with them."""

import multiprocessing as mp

import dragon  # noqa: F401


def fight(lock, rlock, ready):
    first = True
    while True:
        with lock:
            sum(range(50))
        with rlock, rlock:
            sum(range(50))
        if first:
            ready.release()
            first = False


if __name__ == "__main__":
    mp.set_start_method("dragon")
    lock, rlock, ready = mp.Lock(), mp.RLock(), mp.Semaphore(0)
    for _ in range(4):
        mp.Process(target=fight, args=(lock, rlock, ready)).start()
    for _ in range(4):
        ready.acquire()
    print("ready", flush=True)
    while True:
        with lock:
            sum(range(50))
