"""A worker that prints for ever; the head waits for it, or for its output to break."""

import itertools
import multiprocessing as mp

import dragon  # noqa: F401


def work():
    for number in itertools.count():
        print("line", number, flush=True)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    process = mp.Process(target=work)
    process.start()
    for number in itertools.count():
        print("head", number, flush=True)
