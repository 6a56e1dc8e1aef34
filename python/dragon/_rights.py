"""What a process may do beyond its user's rights: capabilities, and whether it may gain any. A child never has more of it than its parent had at start()."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dragon._control import Rights

if TYPE_CHECKING:
    from collections.abc import Mapping

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_CAPABILITY_VERSION_3 = 0x20080522


def of_status(status: Mapping[str, str]) -> Rights:
    """Those that a process's status in /proc tells."""
    bounding, permitted, effective, inheritable = (
        int(status.get(name, "0"), 16) for name in ("CapBnd", "CapPrm", "CapEff", "CapInh")
    )
    return Rights(bounding, permitted, effective, inheritable, status.get("NoNewPrivs", "0").strip() == "1")


def own() -> Rights:
    """Those of this thread."""
    with open("/proc/thread-self/status") as status:
        return of_status(dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line))


def reduce_to(rights: Rights) -> None:
    """Gives up what `rights` does not have. Raises OSError if that cannot be, and then the process must not run."""
    import ctypes  # here, for a zygote is better off without its libraries: each costs every fork

    libc = ctypes.CDLL(None, use_errno=True)
    mine = own()
    if rights.no_new_privileges and not mine.no_new_privileges:
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ctypes.get_errno())
    surplus = mine.bounding & ~rights.bounding
    for number in range(64):
        if surplus >> number & 1:
            _check(libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), ctypes.get_errno())
    permitted, inheritable = mine.permitted & rights.permitted, mine.inheritable & rights.inheritable
    effective = permitted & rights.effective
    if (permitted, effective, inheritable) != (mine.permitted, mine.effective, mine.inheritable):
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = [(each >> shift) & 0xFFFFFFFF for shift in (0, 32) for each in (effective, permitted, inheritable)]
        _check(libc.capset(header, (ctypes.c_uint32 * 6)(*sets)), ctypes.get_errno())


def _check(result: int, number: int) -> None:
    if result:
        raise OSError(number, f"cannot give up what the parent may not do: {os.strerror(number)}")
