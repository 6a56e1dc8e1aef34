"""Every line that any process of a run writes arrives whole, once, in that process's order, on the stream it was written to."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import threading
import time

import audit
import pytest

PROGRAMS = pathlib.Path(__file__).with_name("programs")
MODES = pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])


def check(text: str, count: int, lines: int, step: int) -> None:
    """`text` holds the lines 0, 1, ... of each step-th process, each of them whole."""
    numbers = collections.defaultdict(list)
    odd = []
    for each in text.splitlines():
        words = each.split(" ", 3)
        if len(words) == 4 and all(word.isdigit() for word in words[:3]) and words[3] == "x" * int(words[2]):
            numbers[int(words[0])].append(int(words[1]))
        elif not each.startswith(("exit codes", "+++ head proc exited")):
            odd.append(each[:200])
    assert not odd, f"{len(odd)} lines are not whole: {odd[:5]}"
    wrong = {process: found for process, found in numbers.items() if found != list(range(lines))}
    for process, found in list(wrong.items())[:3]:
        missing = sorted(set(range(lines)) - set(found))
        wrong[process] = (
            f"{len(found)} lines, missing {missing[:5]} ({len(missing)}), in order: {found == sorted(found)}"
        )
    assert not wrong, f"wrong lines from {len(wrong)} processes: {dict(list(wrong.items())[:3])}"
    assert set(numbers) == set(range(0, count, step))


@MODES
def test_two_hundred_processes_write_a_thousand_lines_each(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAMS / "print_lines.py", 200, 1000], launcher=launcher) as run:
        assert run.end(50) == 0
        assert "exit codes good" in run.out
        check(run.out, 200, 1000, 1)
        check(run.err, 200, 1000, 2)


@MODES
def test_a_slow_reader_loses_nothing(tmp_path, launcher):
    """The reader takes little at a time, and nothing at all for a second in the middle: the writers wait for it.

    The head's own line may come between, as the news of ends does not wait for ever; but into no line that a pipe takes as a whole (PIPE_BUF, 4096 bytes).
    """
    inner, outer = os.pipe()
    with audit.run(tmp_path, [PROGRAMS / "print_lines.py", 20, 1000, 4000], launcher=launcher, out=outer) as run:
        os.close(outer)
        data = bytearray()
        while chunk := os.read(inner, 4096):
            paused = len(data) // 400_000
            data += chunk
            time.sleep(0.001 if len(data) // 400_000 == paused else 1)  # this is the slowness, not a wait
        os.close(inner)
        assert run.end(50) == 0
        check(data.decode(), 20, 1000, 1)
        check(run.err, 20, 1000, 2)


def test_several_runs_at_the_same_time(tmp_path):
    with contextlib.ExitStack() as stack:
        modes = [True, False, True]
        words = [PROGRAMS / "print_lines.py", 20, 300]
        runs = [stack.enter_context(audit.run(tmp_path, words, launcher=launcher)) for launcher in modes]
        for run in runs:
            assert run.wait(50) == 0
            check(run.out, 20, 300, 1)
            check(run.err, 20, 300, 2)


@MODES
def test_many_ends_are_known_soon_though_nobody_reads(tmp_path, launcher):
    """A terminal that takes nothing holds up the news of ends, but of all together and not one after another."""
    inner, outer = os.pipe()
    told = tmp_path / "told"
    with audit.run(tmp_path, [PROGRAMS / "stuck.py", told], launcher=launcher, out=outer) as run:
        os.close(outer)
        run.until(lambda: told.exists() and told.read_text(), "the ends of the workers are known")
        while os.read(inner, 1 << 16):
            pass
        os.close(inner)
        assert run.end() == 0
        assert float(told.read_text()) < 2, run.err


@MODES
def test_last_words_need_no_end_of_line(tmp_path, launcher):
    with audit.run(tmp_path, [PROGRAMS / "last_words.py"], launcher=launcher) as run:
        assert run.end() == 0
        for how in ("killed", "exited", "failed", "returned"):
            assert run.out.count(f"{how} whole\n") == 1, run.out
            assert run.out.count(f"{how} last words") == 1, run.out
            assert run.err.count(f"{how} complaint") == 1, run.err
        assert "failed with this" in run.err


@MODES
def test_what_a_process_wrote_comes_before_what_others_write_after_its_end(tmp_path, launcher):
    """Who joined a process finds its lines before his own."""
    with audit.run(tmp_path, [PROGRAMS / "in_order.py"], launcher=launcher) as run:
        assert run.end() == 0
        assert [each for each in run.lines() if not each.startswith("+++")] == [
            f"{who} {number}" for number in range(50) for who in ("worker", "head")
        ]


@MODES
def test_what_a_process_wrote_comes_before_what_others_write_after_it_told_them(tmp_path, launcher):
    """Who received something, whichever way, finds its sender's lines before his own."""
    with audit.run(tmp_path, [PROGRAMS / "told_in_order.py"], launcher=launcher) as run:
        assert run.end() == 0, run.err
        lines = [each for each in run.lines() if not each.startswith("+++")]
    places = {each: place for place, each in enumerate(lines)}
    heard = [each for each in lines if each.startswith("head")]
    assert len(heard) == 16 * 20 and len(places) == 2 * len(heard)
    late = [each for each in heard if places[each] < places[each.replace("head", "worker")]]
    assert not late


@MODES
def test_a_reader_that_goes_away_ends_the_run(tmp_path, launcher):
    """`dragon prog | head -1`: the run ends, with nothing left; no exception of the run-time is shown."""
    inner, outer = os.pipe()
    with audit.run(tmp_path, [PROGRAMS / "endless_lines.py"], launcher=launcher, out=outer) as run:
        os.close(outer)
        os.read(inner, 100)
        os.close(inner)
        run.end(20)
        assert "dragon.agent" not in run.err, run.err
        assert "java.lang" not in run.err, run.err


@MODES
def test_a_pipe_ends_with_the_program(tmp_path, launcher):
    """`prog | cat`: whoever reads the program's output sees its end when the program has ended, not later."""
    with audit.run(tmp_path, [PROGRAMS / "hello.py"], launcher=launcher) as run:
        code = run.wait()
        watch = audit.Stopwatch()
        for stream in run.streams:
            assert stream.wait_end(time.monotonic() + audit.PATIENCE), f"{stream.name} stays open"
            assert watch.seconds() < audit.GONE, f"{stream.name} was open after the end of the program"
        assert code == 0
        assert sum("Hello from" in each for each in run.lines()) == 4


def test_output_arrives_while_the_run_goes_on(tmp_path):
    """A line is not held back until the end."""
    with audit.run(tmp_path, [PROGRAMS / "endless_lines.py"]) as run:
        run.expect("line 10\n")
        run.expect("head 10\n")
        assert threading.active_count() > 1
        run.process.terminate()
        assert run.end(10) == 143
