"""A test that hangs is named at its time limit, with the stacks of everybody in it, fails, and leaves nothing; the other tests go on.

It takes the place of pytest-timeout's own timer: whose way "signal" leaves nobody to watch the teardown of a test that failed (and waits for ever where SIGALRM is blocked), and
whose way "thread" ends all tests. Here a thread watches setup, call and teardown together. At the limit, each step `GRACE` seconds after the one before, if that did not help:
all stacks are written to the log, and the test fails with an exception in the main thread; every process it started is killed, and so is what
it may be waiting for; the test process itself ends.

    HUNG tests/launcher/test_ends.py::test_control_c_at_a_terminal: not done after 60 s; where everybody stands:

SIGQUIT, which `check` sends when a step's time is over, tells the same of the test that runs then, and ends all.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator

import procs
import pytest

GRACE = 4.0  # seconds
MOST_HUNG = 3  # after so many the rest is not tried: a step has ten minutes
MARK = "TEST_SESSION"  # in the environment of everything that the tests start

# Python ignores the first two; a background job of a shell does so with those of the terminal.
KEPT = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP}


def take_signals_as_a_shell_gives_them() -> None:
    """What the programs under test inherit: nothing blocked, nothing ignored, however these tests were started (in a script's background, by nohup, by a service that
    blocks signals in its threads)."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - KEPT:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class Guard:
    """The plugin: pytest-timeout asks it for the timer of each test."""

    def __init__(self, config: pytest.Config):
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            self._log = os.dup(2)
        self._mark = os.environ[MARK] = uuid.uuid4().hex
        self._changed = threading.Condition()
        self._test: pytest.Item | None = None
        self._limit = self._began = 0.0
        self._deadline: float | None = None
        self._hung = 0
        self._inside = False
        signal.signal(signal.SIGALRM, self._fail)
        signal.signal(signal.SIGQUIT, self._quit)
        threading.Thread(target=self._watch, name="hang-guard", daemon=True).start()

    # ---- hooks of pytest-timeout and pytest, in the main thread

    @pytest.hookimpl(tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings) -> bool:
        self._now(item, settings.timeout)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> bool:
        """Not yet: pytest-timeout cancels at the first exception, before the teardown."""
        return True

    def pytest_runtest_logfinish(self) -> None:
        if self._test and self._deadline is None:  # it hung, and has ended now
            self._kill(self._began)
        self._now(None)

    def pytest_enter_pdb(self) -> None:
        self._now(None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        return (yield from self._interruptible())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        return (yield from self._interruptible())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        return (yield from self._interruptible())

    def _interruptible(self) -> Iterator[None]:
        """Only here may an exception come at any place: pytest itself does not take it."""
        self._inside = True
        try:
            return (yield)
        finally:
            self._inside = False

    def _now(self, test: pytest.Item | None, limit: float = 0.0) -> None:
        with self._changed:
            self._test, self._limit, self._began = test, limit, time.clock_gettime(time.CLOCK_BOOTTIME)
            self._deadline = time.monotonic() + limit if test else None
            self._changed.notify_all()

    # ---- the watching thread

    def _watch(self) -> None:
        while True:
            with self._changed:
                while (left := self._left()) is None or left > 0:
                    self._changed.wait(left)
                test, self._deadline = self._test, None
            if test:
                self._end(test)

    def _left(self) -> float | None:
        return None if self._deadline is None else self._deadline - time.monotonic()

    def _end(self, test: pytest.Item) -> None:
        self._hung += 1
        if self._hung >= MOST_HUNG:
            test.session.shouldfail = f"{self._hung} tests hung; the rest was not tried"
        self._tell(test, f"not done after {self._limit:.0f} s")
        if self._is_over(test):
            return
        self._write(f"HUNG {test.nodeid}: still not done; its processes are killed\n")
        self._kill()
        if self._is_over(test):
            return
        self._write(f"HUNG {test.nodeid}: the test process itself does not react; all tests end here\n")
        os._exit(1)

    def _is_over(self, test: pytest.Item) -> bool:
        """Fails the test, which may take a while to see it."""
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        with self._changed:
            return self._changed.wait_for(lambda: self._test is not test, GRACE)

    # ---- signals, in the main thread

    def _fail(self, number: int, frame: object) -> None:
        __tracebackhide__ = True
        if self._inside:
            pytest.fail(f"hung: not done after {self._limit:.0f} s; all stacks are in the log")

    def _quit(self, number: int, frame: object) -> None:
        if self._test:
            self._tell(self._test, "it runs when all tests are asked to end")
        self._kill()
        os._exit(1)

    # ---- telling and ending

    def _tell(self, test: pytest.Item, why: str) -> None:
        self._write(f"\nHUNG {test.nodeid}: {why}; where everybody stands:\n")
        faulthandler.dump_traceback(self._log, all_threads=True)
        self._write(procs.stacks(self._processes()))

    def _processes(self) -> list[procs.Process]:
        """Everybody alive whom the tests started: they descend from here, or have the mark."""
        everybody = procs.everybody()
        here, mark = os.getpid(), f"{MARK}={self._mark}".encode()
        marked = {each.pid for each in everybody if mark in procs.read(each.pid, "environ").split(b"\0")}
        return [each for each in procs.below({here} | marked, everybody) if each.pid != here and not each.dead]

    def _kill(self, since: float = 0.0) -> None:
        """All of them, or those that started at that time of the boot clock or later."""
        for each in self._processes():
            if (each.start + 1) / os.sysconf("SC_CLK_TCK") >= since:
                procs.send(each, signal.SIGKILL)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._log, text.encode(errors="replace"))
