"""Whole programs: how they end, what their ends wait for, and what they and their processes write."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from words import of_output

HEAD = """
import atexit, os, signal, sys, threading, time
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
{imports}

def say(*words): print(*words, flush=True)
def say_after(reader, *words): reader.recv(); say(*words)
def fail(): raise ValueError("child")
def double(number): return number * 2
def wait_for_ever(ready): ready.set(); signal.pause()
def leave(how): sys.exit(how)

if __name__ == "__main__":
    mp.set_start_method("{method}")
"""


def _program(ctx: Any, text: str, *options: str) -> Any:
    """How a program ended, its output, and its errors, when its main part is that text."""
    method = ctx.get_start_method()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGON_")}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "program.py")
        lines = [f"    {line}\n" for line in text.strip().splitlines()]
        file.write_text(HEAD.format(method=method, imports="import dragon" if method == "dragon" else "") + "".join(lines))
        done = subprocess.run([sys.executable, *options, str(file)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, of_output(done.stderr)


DAEMON = "ready = mp.Event(); process = mp.Process(target=wait_for_ever, args=(ready,), daemon=True); process.start(); ready.wait()\n"

PROGRAMS = {
    "ends with a daemon": DAEMON + "print('end')",
    "fails with a daemon": DAEMON + "raise KeyError('main')",
    "leaves with a daemon": DAEMON + "sys.exit(3)",
    "is interrupted with a daemon": DAEMON + "raise KeyboardInterrupt",
    "leaves with a word": "sys.exit('a word')",
    "waits for its processes": "print('end of main', flush=True); mp.Process(target=say, args=('child',)).start()",
    "waits for its processes when it fails": "mp.Process(target=say, args=('child',)).start(); raise KeyError('main')",
    "has a process that fails": "process = mp.Process(target=fail, name='failing'); process.start(); process.join(); print(process.exitcode)",
    "has a process that leaves with a word": "process = mp.Process(target=leave, args=('a word',)); process.start(); process.join(); print(process.exitcode)",
    "says goodbye": "atexit.register(print, 'goodbye'); process = mp.Process(target=say, args=('child',)); process.start(); process.join()",
    "starts a process at its end": "reader, writer = mp.Pipe(False); atexit.register(lambda: writer.send(say('at exit', mp.active_children()))); mp.Process(target=say_after, args=(reader, 'child')).start()",
    "leaves a pool": "pool = mp.Pool(2); print(pool.map(double, range(3)))",
    "leaves a pool, warned": "pool = mp.Pool(1); print(pool.map(double, range(3))); del pool",
    "leaves a pool at work": "pool = mp.Pool(1); pool.apply_async(time.sleep, (600,)); print('end')",
    "fails in a pool": "with mp.Pool(1) as pool: pool.apply(fail)",
    "leaves an executor": "executor = ProcessPoolExecutor(1); future = executor.submit(double, 4); print(future.result())",
    "leaves an executor at work": "executor = ProcessPoolExecutor(1); print('end of main', flush=True); executor.submit(say, 'task')",
    "fails in an executor": "with ProcessPoolExecutor(1) as executor: executor.submit(fail).result()",
    "leaves a manager": "manager = mp.Manager(); things = manager.list([1]); things.append(2); print(things)",
    "leaves a queue": "queue = mp.Queue(); queue.put(1); queue.put('x'); print('end')",
    "leaves a queue that a process filled": "queue = mp.Queue(); process = mp.Process(target=queue.put, args=(1,)); process.start(); process.join(); print(queue.get())",
    "leaves a lock taken": "lock = mp.Lock(); lock.acquire(); print('end')",
    "fails in a thread": "process = mp.Process(target=say, args=('child',)); process.start(); process.join(); thread = threading.Thread(target=fail); thread.start(); thread.join()",
    "writes errors": "process = mp.Process(target=os.write, args=(2, b'to stderr')); process.start(); process.join(); print(process.exitcode)",
    "writes while it is buffered": "print('before'); process = mp.Process(target=say, args=('child',)); sys.stdout.flush(); process.start(); process.join(); print('after')",
    "closes its output": "sys.stdout.close(); process = mp.Process(target=leave, args=(2,)); process.start(); process.join(); sys.exit(process.exitcode)",
    "chooses the method twice": "mp.set_start_method('fork')",
    "asks for nothing": "print(mp.current_process().name, mp.active_children(), mp.parent_process())",
    "has a process in a process": "process = mp.Process(target=mp.Process(target=say).run); process.start(); process.join(); print(process.exitcode)",
    "shows a traceback of a task": "pool = mp.Pool(1); pool.map(fail, [1])",
    "is in another directory": "os.chdir('/'); process = mp.Process(target=say, args=(os.getcwd(),)); process.start(); process.join(); print(process.exitcode)",
}  # fmt: skip

TABLE = {words: lambda ctx, text=text: _program(ctx, text) for words, text in PROGRAMS.items()}
TABLE["in development mode"] = lambda ctx: _program(ctx, PROGRAMS["leaves a manager"], "-X", "dev")
TABLE["in development mode leaves a pool"] = lambda ctx: _program(ctx, "with mp.Pool(1) as pool: print(pool.map(double, range(3)))", "-X", "dev")
TABLE["with warnings as errors"] = lambda ctx: _program(ctx, PROGRAMS["leaves an executor"], "-W", "error")
TABLE["optimised"] = lambda ctx: _program(ctx, "process = mp.Process(target=say, args=(__debug__,)); process.start(); process.join()", "-O")
TABLE["unbuffered"] = lambda ctx: _program(ctx, PROGRAMS["says goodbye"], "-u")
TABLE["isolated"] = lambda ctx: _program(ctx, "print(sys.flags.no_user_site)", "-s")
