"""Who this process is to the user: the run-time's id or the operating system's pid."""

from __future__ import annotations

import os

STYLES = ("dragon", "os")

_style: str | None = None  # set by set_style; else the environment decides


def set_style(style: str) -> None:
    """Sets what `pid` and `ident` show from now on, here and in processes started from here."""
    global _style
    if style not in STYLES:
        raise ValueError(
            f"unknown pid style {style!r}: use 'dragon' (the run-time's id) or 'os' (the operating system's pid)"
        )
    _style = style


def style() -> str:
    """The style that holds: "dragon" or "os". Raises ValueError where DRAGON_PID is another."""
    if _style is not None:
        return _style
    chosen = os.environ.get("DRAGON_PID") or "dragon"
    if chosen not in STYLES:
        raise ValueError(f"DRAGON_PID={chosen}: use 'dragon' (the run-time's id) or 'os' (the operating system's pid)")
    return chosen


def shown(process_id: int, os_pid: int) -> int:
    """The one of a process's two numbers that `pid` shows."""
    return os_pid if style() == "os" else process_id


def current() -> int:
    """What `current_process().pid` shows. Joins the run if this process has not yet: its id is not known before."""
    if style() == "os":
        return os.getpid()
    from dragon import _agent

    return _agent.attach().process_id
