"""A process prints a line and ends, in each of its ways; the head joins it and prints a line."""

import multiprocessing as mp
import os
import signal

import dragon  # noqa: F401


def speak(number):
    print("worker", number, flush=number % 3 > 0)
    if number % 3 == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 3 == 2:
        os._exit(0)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    for number in range(50):
        process = mp.Process(target=speak, args=(number,))
        process.start()
        process.join()
        print("head", number, flush=True)
