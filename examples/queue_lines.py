"""Process and Queue: each process puts a line into one queue, and the parent prints them."""

import multiprocessing as mp

import dragon  # noqa: F401  (registers the start method)


def work(number, lines):
    lines.put(f"line {number} from {mp.current_process().name}")


if __name__ == "__main__":
    mp.set_start_method("dragon")
    lines = mp.Queue()
    workers = [mp.Process(target=work, args=(number, lines), name=f"worker {number}") for number in range(4)]
    for worker in workers:
        worker.start()
    for _ in workers:
        print(lines.get())
    for worker in workers:
        worker.join()
