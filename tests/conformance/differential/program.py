"""Runs cases with one start method, and tells what each came to:  program.py METHOD EXECUTOR REPORT CASE...

Each line of the file REPORT is a case's name and outcome as JSON; the outcome is null when the case begins. A `-` for CASE... reads them from standard input.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import sys
import time
import warnings
from typing import Any, Callable


class Streams:
    """What the program and its children write to standard output and standard error."""

    def __init__(self, folder: str) -> None:
        self._files = {name: open(os.path.join(folder, name), "w+b", 0) for name in ("stdout", "stderr")}  # noqa: SIM115
        for number, file in enumerate(self._files.values(), 1):
            again = os.open(file.name, os.O_WRONLY | os.O_APPEND)
            os.dup2(again, number)
            os.close(again)
        self._read = dict.fromkeys(self._files, 0)

    def new(self) -> dict[str, str]:
        """What was written since the last call."""
        sys.stdout.flush()
        texts = {}
        for name, file in self._files.items():
            file.seek(self._read[name])
            data = file.read()
            self._read[name] += len(data)
            texts[name] = data.decode()
        return texts


def left() -> set[Any]:
    """The children that a case left and that do not end by themselves. CPython lists one as long as another thread is about to note that it has waited for it, which nothing tells: so they are looked at again for some seconds."""
    import others

    until = time.monotonic() + 10
    while (children := set(multiprocessing.active_children()) - others.kept()) and time.monotonic() < until:
        time.sleep(0.01)
    return children


def outcome(case: Callable[[Any], Any], streams: Streams) -> dict[str, Any]:
    """What came of a case: what it returned or raised, what it warned of, what was written, whom it left."""
    import words

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = words.told(case, multiprocessing)
        gc.collect()
    seen: dict[str, Any] = {"result": result, "children left": sorted(words.plain(each.name) for each in left())}
    seen["warnings"] = [words.plain(f"{each.category.__name__}: {each.message}") for each in warned]
    seen.update((name, words.of_output(text)) for name, text in streams.new().items())
    return {name: thing for name, thing in seen.items() if thing}


def main() -> None:
    method, executor, report = sys.argv[1:4]
    names = sys.stdin.read().splitlines()
    if method == "dragon":
        import dragon  # noqa: F401
    multiprocessing.set_start_method(method)
    import cases
    import others

    others.executor_of = executor
    every = cases.all_of_them()
    streams = Streams(os.path.dirname(report))
    area = ""
    with open(report, "a", buffering=1) as file:
        for name in names:
            if area != (area := name.partition(".")[0].partition(":")[0]):
                others.end_what_is_kept()
            print(json.dumps([name, None]), file=file)
            print(json.dumps([name, outcome(every[name], streams)]), file=file)
    others.end_what_is_kept()


if __name__ == "__main__":
    main()
