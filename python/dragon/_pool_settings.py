"""What a pool and an executor are each made with."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from dragon._died import InitializerFailed, WorkerDied


class Settings(NamedTuple):
    """How the workers are made, how many, and what becomes of their tasks when they die."""

    ctx: Any
    make: Callable[..., Any]  # ctx.Process
    size: int  # how many workers at first
    arguments: dict[str, Any]  # of `_pool_worker.work`, behind the ends of its channels
    daemon: bool
    name: str  # in place of "Process" in the workers' names
    retries: int = 0  # how often a lost task is begun again before it fails with `died`
    died: type[WorkerDied] = WorkerDied
    failed: type[InitializerFailed] = InitializerFailed  # no worker can be made ready
    finishes: bool = False  # at the interpreter's end what was asked for is done first


def check_retries(retries: Any) -> None:
    """Raises where this is no number of retries."""
    if not isinstance(retries, int) or retries < 0:
        raise ValueError(f"retries must be an int of at least 0, not {retries!r}")
