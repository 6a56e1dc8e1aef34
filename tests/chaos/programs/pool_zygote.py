"""A task kills the interpreter that all workers were forked from."""

import multiprocessing as mp
import os
import signal
import time

import dragon


def kill_the_zygote(number):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)


def square(number):
    return number * number


if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool:
        try:
            pool.apply(kill_the_zygote, (1,))
        except dragon.WorkerDied as error:
            print("pool", type(error).__name__, error.how, "again", pool.map(square, range(4)), flush=True)
    with dragon.ProcessPoolExecutor(2) as executor:
        try:
            executor.submit(kill_the_zygote, 1).result()
        except dragon.WorkerDied as error:
            print(
                "executor", type(error).__name__, error.how, "again", list(executor.map(square, range(4))), flush=True
            )
