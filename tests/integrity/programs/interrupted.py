"""Tests of a user's, which Ctrl-C interrupts while a pool is at work."""

import multiprocessing as mp
import sys
import threading
import time

import dragon
import pytest


def work(_):
    time.sleep(1000)


def say_when_in(call, word="ready"):
    """Says it once this thread is in that call."""
    me = threading.get_ident()

    def watch():
        names = []
        while call not in names:
            time.sleep(0.01)
            frame, names = sys._current_frames()[me], []
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
        print(word, file=sys.__stdout__, flush=True)

    threading.Thread(target=watch, daemon=True).start()  # a call that was shorter than a look is never seen


def test_pool():
    with mp.get_context("dragon").Pool(2) as pool:
        say_when_in("wait")
        pool.map(work, range(4))


@pytest.fixture
def executor():
    with dragon.ProcessPoolExecutor(2) as executor:
        yield executor
        say_when_in("shutdown", "ending")


def test_executor(executor):
    future = executor.submit(work, 1)
    say_when_in("_await")
    future.result()


def test_late(executor):
    """The first Ctrl-C comes where nothing is waited for, so that the fixture's end waits for the task; the second ends it."""
    executor.submit(work, 1)
    say_when_in("test_late")
    while True:
        time.sleep(0.01)


def test_never_tried():
    raise AssertionError
