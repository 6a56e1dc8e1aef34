"""A pool that never runs out of work."""

import multiprocessing as mp

import dragon  # noqa: F401


def work(number):
    return sum(range(number % 1000))


if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(3) as pool:
        pool.map(work, range(10))
        print("ready", flush=True)
        while True:
            assert pool.map(work, range(200), chunksize=3) == [work(number) for number in range(200)]
