"""What is done in a zygote or its child to have a setting: that of the process which starts the child (see `_setting`)."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # its functions without signal's enumerations, which each child would have to touch
import os
import resource

from dragon import _agent, _control, _rights, _setting

# A zygote needs these as they are; its children ignore them by themselves.
_ZYGOTES_OWN = frozenset((_signal.SIGINT, _signal.SIGCHLD))

_ignored: set[int] = set()  # by a plan


class Plan:
    """What is done to have a setting, worked out once by the zygote for all children that are to have the same.

    Credentials are the zygote's: where they have to differ, the zygote itself was started with others.
    """

    def __init__(self, raw: bytes, run: tuple[_agent.Stream, _agent.Stream]) -> None:
        self.raw = raw
        setting = _control.Setting.decode(raw)
        self.folder = os.fsencode(setting.cwd)
        self._environment = {variable.name: variable.value for variable in setting.environment}
        self._umask = setting.umask
        self._limits = [(limit.resource, _allowed(limit)) for limit in setting.limits]
        self._limits = [(which, soft) for which, soft in self._limits if soft != resource.getrlimit(which)[0]]
        self._rights = setting.rights if setting.rights not in (None, _rights.own()) else None
        self._nice = setting.nice if os.getpriority(os.PRIO_PROCESS, 0) != setting.nice else None
        cpus = set(setting.cpus)
        self._cpus = cpus if cpus and os.sched_getaffinity(0) != cpus else None
        possible = _signal.valid_signals()  # without those the C library keeps for itself
        self._ignored = possible.intersection(setting.ignored)
        self.blocked = sum(1 << number - 1 for number in setting.blocked if number in possible)
        # Those of the run's own streams that the child has as its own.
        own = _setting.RUN_OWN
        self.streams = run[0] if setting.stdout == own else None, run[1] if setting.stderr == own else None
        late = self._ignored & _ZYGOTES_OWN
        self.left = bool(self._limits or self._rights or self._nice is not None or self._cpus or late)

    def prepare(self) -> None:
        """What a child inherits. Done by the zygote itself, which it serves only for that; or by a child that was told something else."""
        _be_in(self._environment)
        os.umask(self._umask)
        _ignore(self._ignored - _ZYGOTES_OWN)

    def carry_out(self) -> None:
        """What only the child can do, if there is anything `left`."""
        for which, soft in self._limits:
            resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))
        if self._nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, self._nice)
        if self._cpus is not None:
            os.sched_setaffinity(0, self._cpus)
        if self._rights is not None:
            _rights.reduce_to(self._rights)
        _ignore(self._ignored)


def _ignore(signals: set[int]) -> None:
    """Dispositions as a fresh interpreter has them: its own for SIGINT (and SIGPIPE, SIGXFSZ), ignored where the parent ignores, else the default."""
    for number in _ignored - signals:
        _signal.signal(number, _signal.SIG_DFL)
    for number in signals - _ignored:
        if _signal.getsignal(number) == _signal.SIG_IGN:
            continue
        _signal.signal(number, _signal.SIG_IGN)
        _ignored.add(number)
    _ignored.intersection_update(signals)


def _allowed(limit: _control.Limit) -> int:
    """A soft limit, as far as the hard one lets it."""
    hard = resource.getrlimit(limit.resource)[1]
    soft = resource.RLIM_INFINITY if limit.soft == 0xFFFFFFFFFFFFFFFF else limit.soft
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        return hard
    return soft


def _be_in(environment: dict[bytes, bytes]) -> None:
    here = os.environb
    for name in [name for name in here if name not in environment]:
        del here[name]
    for name, value in environment.items():
        if here.get(name) != value:
            here[name] = value
