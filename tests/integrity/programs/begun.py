"""A process begins a line, and ends it when the head was given a line of input."""

import multiprocessing as mp

import dragon  # noqa: F401


def speak(go):
    print("so much of it", end="", flush=True)
    go.wait()
    print(", and the rest")


if __name__ == "__main__":
    mp.set_start_method("dragon")
    go = mp.Event()
    process = mp.Process(target=speak, args=(go,))
    process.start()
    input()
    go.set()
    process.join()
