"""What the run-time's JVM is shown once, by the build, to prepare its quick start: a short life of every kind of object."""

import multiprocessing as mp

from dragon import _agent
from dragon._control import Bye


def echo(lines, answers):
    print("a worker's line", flush=True)
    for line in iter(lines.get, None):
        answers.put(line)


def square(number):
    return number * number


if __name__ == "__main__":
    mp.set_start_method("dragon")
    lines, answers = mp.Queue(), mp.Queue()
    worker = mp.Process(target=echo, args=(lines, answers))
    worker.start()
    for message in ("small", b"large" * 100_000):
        lines.put(message)
        assert answers.get() == message
    lines.put(None)
    worker.join()
    with mp.Pool(2) as pool:
        assert pool.map(square, range(10)) == [number * number for number in range(10)]
    workers = [mp.Process(target=square, args=(number,)) for number in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _agent.call(Bye())
    print("trained", flush=True)
