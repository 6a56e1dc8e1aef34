"""Managers of the start method "dragon".

multiprocessing's own managers and proxies do the work, remote ones included: the server is a process of the run, and where its address is left to it, the
run's processes speak to it by channels and all others by a socket (see `_listener`). A proxy whose server is gone raises ListenerGone, which names it.
"""

from __future__ import annotations

import multiprocessing.managers as stock
from typing import TYPE_CHECKING, Any

import dragon.connection  # noqa: F401  (proxies use its connections)

if TYPE_CHECKING:
    from dragon.pool import Pool

__all__ = ["SyncManager"]


class SyncManager(stock.SyncManager):
    """What `Manager()` returns. It is multiprocessing's own, whose pools are Dragon's, too."""


def _pool(*args: Any, **kwargs: Any) -> Pool:
    from dragon.context import use

    return use().Pool(*args, **kwargs)


SyncManager.register("Pool", _pool, stock.PoolProxy)  # type: ignore[attr-defined]
