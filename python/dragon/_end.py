"""How a process ended, in words: its exit code or signal, who sent the signal where that is known, and the last it wrote to its stderr."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from dragon import _agent, _shm
from dragon._control import LastWords, Words

# Bits of the exit event's value above the wait status; spec/shared-memory.md, section 9.
_OUT_OF_MEMORY, _WITH_ZYGOTE, _WORDS = 1 << 33, 1 << 34, 1 << 35


class End(NamedTuple):
    """The end of a process. `last_words`: at most 20 lines and 4 KiB of its stderr; empty where it wrote nothing, where its stderr led elsewhere than to the
    run's own, or where the run is over."""

    code: int  # as `Process.exitcode`
    out_of_memory: bool  # the kernel's out-of-memory killer did it
    with_zygote: bool  # the interpreter it was forked from was killed, and it with that
    last_words: str

    @property
    def words(self) -> str:
        """As in "killed by SIGKILL; the kernel's out-of-memory killer did it"."""
        if self.code >= 0:
            return f"ended with exit code {self.code}"
        try:
            name = signal.Signals(-self.code).name
        except ValueError:
            name = f"signal {-self.code}"
        if self.out_of_memory:
            return f"killed by {name}; the kernel's out-of-memory killer did it"
        if self.with_zygote:
            return (
                f"killed by {name}; the interpreter that Dragon forks workers from was killed, and its workers with it"
            )
        return f"killed by {name}"


def of(process_id: int, value: int) -> End:
    """The end of a process whose exit event has this value."""
    last = _last_words(process_id) if value & _WORDS else ""
    code = os.waitstatus_to_exitcode(value & 0xFFFFFFFF)
    return End(code, bool(value & _OUT_OF_MEMORY), bool(value & _WITH_ZYGOTE), last)


def _last_words(process_id: int) -> str:
    try:
        answer = _agent.call(LastWords(process_id))
    except _shm.RunOver:
        return ""
    assert isinstance(answer, Words)
    lines = answer.stderr.decode(errors="replace").splitlines()
    whole = lines[1:] if len(answer.stderr) >= 4096 else lines  # the first one has lost its beginning
    return "\n".join((whole or lines)[-20:])
