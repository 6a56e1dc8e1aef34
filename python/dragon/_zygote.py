"""The zygote: a warm, single-threaded interpreter from which workers are forked.

Started by the keeper; DRAGON_AGENT names the agent's socket. Once it is ready it serves the agent in the extension (native/python/zygote.c), and runs Python only to
learn what the next workers are likely to be: their setting and their preparation. A worker that is asked for with what its zygote has learned finds it done; any other
does it for itself.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from dragon import _agent, _control, _setting, _shm, _template, _worker

PROTOCOL = 1


def main() -> NoReturn:
    """Runs the zygote until the agent is gone."""
    _shm.die_with(os.getppid())
    gc.disable()
    address = os.environ.pop("DRAGON_AGENT")
    _worker.preload()
    _agent.belong_to(address)
    _template.load()
    agent, home = _hello(address)
    _serve(agent, home)


def _hello(address: str) -> tuple[int, _worker.Home]:
    """Tells the agent what this interpreter is, and maps the memory. Returns the connection, and what all children inherit."""
    connection = _agent.Connection(address)
    connection.send(_control.Frame(1, _control.ZygoteHello(PROTOCOL, _setting.interpreter())), ())
    try:
        welcome, memory = connection.welcomed()
    except OSError as error:
        sys.exit(f"dragon: the agent refused this zygote: {error}")
    _shm.map(memory)
    os.close(memory)
    startup = _agent.Startup(dict(os.environb), _agent.credentials())
    streams = (_agent.stream_of(1), _agent.stream_of(2))
    return connection.detach(), _worker.Home(address, welcome.run_id, startup, streams)


def _serve(agent: int, home: _worker.Home) -> NoReturn:
    known = _worker.Known(home.streams)
    gc.collect()
    gc.freeze()
    while True:
        news = _shm.zygote(agent, known.plan.raw, known.told, _template.hooked())
        if isinstance(news, int):
            _be_child(news, home, known)
        known.learn(*news)
        gc.freeze()


def _be_child(socket: int, home: _worker.Home, known: _worker.Known) -> NoReturn:
    """Never returns to the zygote, whatever happens."""
    try:
        _worker.run(socket, home, known)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


if __name__ == "__main__":
    from dragon._zygote import main as real_main  # this module's own copy would be another one

    real_main()
