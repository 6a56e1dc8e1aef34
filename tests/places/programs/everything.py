"""A pool, a queue, a process and a manager, in a program as users write them. `negated`: a function that any process can import."""

import multiprocessing as mp
import operator

import dragon  # noqa: F401


def square(n):
    return n * n


def main():
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool:
        print("squares", *pool.map(square, range(4)))
        print("negated", *pool.map(operator.neg, range(4)))
    queue = mp.Queue()
    process = mp.Process(target=queue.put, args=("hello",))
    process.start()
    print("got", queue.get())
    process.join()
    with mp.Manager() as manager:
        print("shared", dict(manager.dict(a=1)))
    print("ended", process.exitcode)


if __name__ == "__main__":
    main()
