"""Words without an end of line, right before a kill or an orderly end; they come."""

import multiprocessing as mp
import os
import signal
import sys

import dragon  # noqa: F401


def speak(how):
    os.write(1, f"{how} whole\n{how} last words".encode())
    os.write(2, f"{how} complaint".encode())
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exited":
        os._exit(0)
    if how == "failed":
        sys.exit("failed with this")


if __name__ == "__main__":
    mp.set_start_method("dragon")
    for how in ("killed", "exited", "failed", "returned"):
        process = mp.Process(target=speak, args=(how,))
        process.start()
        process.join()
        print("next", flush=True)
