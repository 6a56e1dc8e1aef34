"""How results come in: one channel, from which whoever waits for a result takes them as long as they come quickly, and else a thread.

A signal handler may raise in the middle of `help`. So a message is taken from the channel straight into `_inbox`, stays there until it is dealt with, and
is dealt with again when that was interrupted; everything done for a message can be done twice.

A user's callback is called where its result comes in, with nobody else taking results in meanwhile. It may end the pool, or drop it; what it must not do
is to wait for more to come in.
"""

from __future__ import annotations

import collections
import os
import threading
import traceback
from typing import Any, Callable

from dragon import _shm

_LOOKS = (
    30,
    50,
)  # so many times so many looks at the channel before a helper gives up: about as long as it takes to wake a thread
_MISSES = 8  # in vain; after so many it looks only now and then
_PROBE = 32
_TOGETHER = 64  # messages


class Intake:
    """`deal` gets each message's flags and data and tells whether more will come; `after` is called when some have been dealt with,
    `interrupted` instead where a signal handler raised, `over` at the run's end."""

    def __init__(
        self,
        deal: Callable[..., bool],
        after: Callable[[], None],
        interrupted: Callable[[], None],
        over: Callable[[Exception], None],
    ) -> None:
        self.channel = _shm.Channel.create()
        self._deal, self._after, self._interrupted, self._over = deal, after, interrupted, over
        self._inbox: collections.deque[Any] = collections.deque()
        self._taking = threading.Lock()
        self._taker = 0  # the thread that holds it
        self._misses = 0
        self.thread = threading.Thread(target=self._take_results, name="Pool_take_results", daemon=True)

    def help(self, done: Callable[[], bool]) -> None:
        """Takes results in until `done`, or until none comes for about the time that it takes to wake a thread. RuntimeError: from a callback, which it would wait for."""
        while not done():
            if self.takes():
                raise RuntimeError(
                    "a callback of a pool or an executor waits for a result of the same one, which can come only after the callback has returned: "
                    "let it start the next task and return (apply_async or submit, with a callback), or wait in another thread"
                )
            if self._taking.locked() or not self._soon():
                return
            try:
                if not self._take():
                    return
                self._after()
            except _shm.RunOver:
                raise
            except BaseException:
                self._interrupted()
                raise

    def takes(self) -> bool:
        """Does this thread take results in just now? Then it is in a callback, if in any code of the user's."""
        me = threading.get_ident()
        # A signal handler may have let go of the lock before the taker was forgotten.
        return me == self.thread.ident or (me == self._taker and self._taking.locked())

    def _take_results(self) -> None:
        try:
            running = True
            while running:
                self.channel.poll(None)
                try:
                    running = self._take()
                    self._after()
                except _shm.RunOver:
                    raise
                except BaseException:  # of a user's callback: no signal handler runs in this thread
                    traceback.print_exc()
        except _shm.RunOver as error:
            self._over(error)

    def _soon(self) -> bool:
        """Looks for a moment whether a result comes; only now and then where that has been in vain."""
        misses = self._misses
        if misses >= _MISSES and misses % _PROBE:
            self._misses = misses + 1
            return False
        poll, times, looks = self.channel.poll, *_LOOKS
        for _ in range(times):
            for _ in range(looks):
                if poll():
                    self._misses = 0
                    return True
            os.sched_yield()
        self._misses = misses + 1
        return False

    def _take(self) -> bool:
        """Deals with all that has come in. False: nothing more will come."""
        with self._taking:
            try:
                self._taker = threading.get_ident()
                return self._take_all()
            finally:
                self._taker = 0

    def _take_all(self) -> bool:
        inbox, take = self._inbox, self.channel.take_message
        while True:
            if not inbox:
                try:
                    inbox.extend(map(take, (0,)))
                except _shm.Timeout:
                    return True
                if _shm.is_behind():
                    self._catch_up()
            try:
                running = self._deal(*inbox[0])
            except _shm.RunOver:
                raise
            except BaseException:  # of a signal handler: what was begun is done before it is told
                try:
                    self._deal(*inbox[0])
                finally:
                    inbox.popleft()
                raise
            if not running and threading.current_thread() is not self.thread:
                self.channel.send(inbox[0][1])  # that is for the thread, which has to end
            inbox.popleft()
            if not running:
                return False

    def _catch_up(self) -> None:
        """What workers printed is shown before their results are known: for all that have come, together."""
        try:
            while len(self._inbox) < _TOGETHER:
                self._inbox.extend(map(self.channel.take_message, (0,)))
        except _shm.Timeout:
            pass
        _shm.catch_up()
