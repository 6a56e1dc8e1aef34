"""Without `if __name__ == "__main__":`, which each worker imports, too."""

import multiprocessing as mp

import dragon  # noqa: F401


def square(n):
    return n * n


mp.set_start_method("dragon")
with mp.Pool(2) as pool:
    print("squares", *pool.map(square, range(4)))
