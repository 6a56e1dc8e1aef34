"""Sends a message of argv[1] MiB from a worker, then one of argv[2] MiB to nobody."""

import multiprocessing as mp
import sys

import dragon  # noqa: F401


def send(queue, size):
    queue.put(bytes(size))


if __name__ == "__main__":
    mp.set_start_method("dragon")
    queue = mp.Queue()
    process = mp.Process(target=send, args=(queue, int(sys.argv[1]) << 20))
    process.start()
    print("got", len(queue.get()) >> 20)
    process.join()
    try:
        queue.put(bytes(int(sys.argv[2]) << 20))
        print("all went")
    except Exception as error:
        print("refused", error)
    print("ended", process.exitcode)
