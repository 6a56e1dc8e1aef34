"""Workers start programs that do their best to get away: a session of their own, a double fork, no environment, signals ignored.

So does the head under the launcher. A head that was started by plain `python` is not the run-time's child, nor is what it starts.
"""

import multiprocessing as mp
import os
import subprocess
import sys

import dragon  # noqa: F401

STUBBORN = (
    "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; print(flush=True); time.sleep(1000)"
)
ESCAPES = [
    ["setsid", "sleep", "1000"],
    ["env", "-i", "setsid", "sleep", "1000"],
    ["sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & exit 0"],
    ["sh", "-c", "(setsid sh -c 'trap \"\" HUP TERM INT; sleep 1000 & sleep 1000' &) & exit 0"],
    ["env", "-i", "sh", "-c", "(sleep 1000 &) & exit 0"],
]


def escape(ready):
    for each in ESCAPES:
        subprocess.Popen(each, stdin=subprocess.DEVNULL, start_new_session=os.getpid() % 2 == 0)
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    ready.release()


def work(ready):
    escape(ready)
    mp.Event().wait()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    ready = mp.Semaphore(0)
    everyone = [mp.Process(target=work, args=(ready,)) for _ in range(2)]
    for each in everyone:
        each.start()
    if "DRAGON_AGENT" in os.environ:
        escape(ready)
        ready.acquire()
    for _ in everyone:
        ready.acquire()
    print("ready", flush=True)
    for each in everyone:
        each.join()
    sys.exit(f"exit codes {[each.exitcode for each in everyone]}")
