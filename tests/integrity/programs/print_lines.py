"""PROCESSES processes write LINES lines each, in every way there is to write a line, every second process also to stderr.

A line is: process, number, the length of the text that follows, the text; one of some process has the length LONGEST. Every tenth process is killed with SIGKILL right after its last write.

python print_lines.py PROCESSES LINES [LONGEST]
"""

import multiprocessing as mp
import os
import signal
import sys

import dragon  # noqa: F401

LONGEST = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000


def line(process, number):
    length = LONGEST if number == 500 and process % 20 == 0 else (process * 7 + number * 13) % 90
    return f"{process} {number} {length} {'x' * length}\n"


def by_print(stream, text):
    print(text, end="", file=stream)


def by_print_flushed(stream, text):
    print(text, end="", file=stream, flush=True)


def in_pieces(stream, text):
    for piece in (text[:5], text[5:-1], text[-1:]):
        stream.write(piece)
        stream.flush()


def by_system_call(stream, text):
    data = text.encode()
    while data:
        data = data[os.write(stream.fileno(), data) :]


WAYS = [by_print, by_print_flushed, in_pieces, by_system_call]


def work(process, lines):
    write = WAYS[process % len(WAYS)]
    for number in range(lines):
        text = line(process, number)
        write(sys.stdout, text)
        if process % 2 == 0:
            write(sys.stderr, text)
    if process % 10 == 9:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    mp.set_start_method("dragon")
    count, lines = int(sys.argv[1]), int(sys.argv[2])
    processes = [mp.Process(target=work, args=(number, lines)) for number in range(count)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    wrong = [each.name for number, each in enumerate(processes) if each.exitcode != (-9 if number % 10 == 9 else 0)]
    sys.stdout.write(
        f"exit codes {wrong or 'good'}\n"
    )  # at once: print() writes a line in pieces where PYTHONUNBUFFERED is set
    sys.stdout.flush()
