"""Processes: who they are, what they take from their parent, how they end."""

from __future__ import annotations

import gc
import multiprocessing as mp
import os
import pathlib
import resource
import signal
import threading
import time
import weakref
from multiprocessing.connection import wait
from typing import Any

import pytest
import targets
from dragon import _shm

PATIENCE = 60


def ask(ctx: Any, function: Any, *args: Any, **options: Any) -> Any:
    """What a function gives in a process of its own."""
    queue = ctx.Queue()
    process = ctx.Process(target=targets.answer, args=(queue, function, *args), **options)
    process.start()
    result = queue.get(timeout=PATIENCE)
    process.join()
    assert process.exitcode == 0
    return process, result


def test_identity(ctx: Any) -> None:
    process, seen = ask(ctx, targets.identity, name="somebody")
    assert seen["pid"] == seen["ident"] == process.pid
    assert process.pid >> 32 == 1 and process.pid & 0xFFFFFFFF >= 6
    assert seen["os_pid"] == seen["getpid"] == process.os_pid != process.pid
    assert seen["parent"] == ctx.current_process().pid == (1 << 32) + 4
    assert seen["name"] == "somebody" and seen["parent_alive"] and seen["method"] == "dragon"


def test_a_child_forked_ahead_that_is_killed_is_replaced(ctx: Any) -> None:
    zygote = ask(ctx, os.getppid)[1]
    for _ in range(5):
        spare = int(pathlib.Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()[-1])
        descriptor = os.pidfd_open(spare)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        wait([descriptor], PATIENCE)  # type: ignore[list-item]
        os.close(descriptor)
        assert ask(ctx, os.getppid)[1] == zygote


def own_memory(pid: int) -> int:
    """KiB that a process shares with none."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


def test_a_child_forked_ahead_has_copied_what_it_will_write_to_while_there_is_time(ctx: Any) -> None:
    zygote = ask(ctx, os.getppid)[1]
    children = pathlib.Path(f"/proc/{zygote}/task/{zygote}/children")
    for _ in range(100):
        assert ask(ctx, os.getppid)[1] == zygote
        if own_memory(int(children.read_text().split()[-1])) > 800:
            break
    else:
        pytest.fail("no child forked ahead has memory of its own")
    go, there = ctx.Event(), ctx.Queue()
    many = [ctx.Process(target=targets.live_until, args=(go, there)) for _ in range(os.cpu_count() or 1)]
    for process in many:
        process.start()
        there.get(timeout=PATIENCE)
    assert own_memory(int(children.read_text().split()[-1])) < 400, "the processors may be wanted"
    go.set()
    for process in many:
        process.join()


def test_a_zygote_without_descriptors_says_so(ctx: Any) -> None:
    zygote = ask(ctx, os.getppid)[1]
    used = 1 + max(map(int, os.listdir(f"/proc/{zygote}/fd")))
    limits = resource.prlimit(zygote, resource.RLIMIT_NOFILE)
    resource.prlimit(zygote, resource.RLIMIT_NOFILE, (used, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not be started.*descriptors of the run's own processes are used up"):
            ctx.Process(target=print).start()
    finally:
        resource.prlimit(zygote, resource.RLIMIT_NOFILE, limits)
    assert ask(ctx, os.getppid)[1] == zygote


def test_a_name_may_be_empty(ctx: Any) -> None:
    process = ctx.Process(target=targets.nothing)
    process.name = ""
    process.start()
    process.join()
    assert process.exitcode == 0


def test_a_started_process_names_its_parent_as_the_parent_names_itself(ctx: Any) -> None:
    process = ctx.Process(target=print, args=(), name="x parent=1 y")
    process.start()
    process.join()
    assert repr(process) == (
        f"<DragonProcess name='x parent=1 y' pid={process.pid} parent={ctx.current_process().pid} stopped exitcode=0>"
    )


def test_a_start_that_fails_keeps_nothing_of_its_arguments(ctx: Any) -> None:
    event = ctx.Event()
    ours = next(value for value in vars(event).values() if isinstance(value, _shm.Event))
    place = ours.offset, ours.id
    del ours
    with pytest.raises(TypeError, match="pickle"):
        ctx.Process(target=print, args=(event, threading.Lock())).start()
    del event
    gc.collect()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            _shm.Event.bind(*place).release()
        except _shm.NoSuchObject:
            return
        time.sleep(0.01)
    pytest.fail("the event is still there")


def test_the_pid_style_goes_on_to_children(ctx: Any) -> None:
    import dragon

    dragon.set_pid_style("os")
    try:
        process, seen = ask(ctx, targets.identity)
    finally:
        dragon.set_pid_style("dragon")
    assert seen["pid"] == seen["getpid"] == process.os_pid and seen["parent"] == os.getpid()


def test_a_child_takes_the_setting_of_its_parent_at_start(ctx: Any, tmp_path: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAGON_TEST_VARIABLE", "seen")
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    mask = os.umask(0o027)
    cpus = os.sched_getaffinity(0)
    one = {min(cpus)}
    os.sched_setaffinity(0, one)
    blocked = {signal.SIGUSR1, signal.SIGTERM}  # but for the one that terminate() sends
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        _, seen = ask(ctx, targets.setting)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        os.sched_setaffinity(0, cpus)
        os.umask(mask)
        signal.signal(signal.SIGUSR2, before)
    assert seen == {
        "cwd": str(tmp_path),
        "umask": 0o027,
        "variable": "seen",
        "nice": os.nice(0),
        "cpus": one,
        "blocked": {signal.SIGUSR1},
        "ignored": True,
    }


@pytest.mark.parametrize(("target", "args", "code"), [
    (targets.nothing, (), 0),
    (targets.end_with, (7,), 7),
    (targets.end_with, (None,), 0),
    (targets.kill_self, (signal.SIGKILL,), -signal.SIGKILL),
    (targets.kill_self, (signal.SIGTERM,), -signal.SIGTERM),
])  # fmt: skip
def test_exit_codes(ctx: Any, target: Any, args: Any, code: int) -> None:
    process = ctx.Process(target=target, args=args)
    assert process.exitcode is None and not process.is_alive()
    process.start()
    process.join()
    assert process.exitcode == code and not process.is_alive()


def test_a_failing_target_shows_its_traceback(ctx: Any, capfd: Any) -> None:
    process = ctx.Process(target=targets.fail, name="unlucky")
    process.start()
    process.join()
    assert process.exitcode == 1
    words = capfd.readouterr().err
    assert "Process unlucky:" in words and words.rstrip().endswith("ValueError: as it should")


def test_terminate_and_kill_right_after_the_start(ctx: Any) -> None:
    processes = [ctx.Process(target=targets.sleep) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes[:2]:
        process.terminate()
    for process in processes[2:]:
        process.kill()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [-signal.SIGTERM] * 2 + [-signal.SIGKILL] * 2


def test_join_with_a_time_limit_and_the_sentinel(ctx: Any) -> None:
    process = ctx.Process(target=targets.sleep)
    with pytest.raises(ValueError, match="process not started"):
        assert process.sentinel
    process.start()
    process.join(0)
    process.join(-1)
    assert process.is_alive() and process.exitcode is None
    assert wait([process.sentinel], 0) == []
    with pytest.raises(ValueError, match="still running"):
        process.close()
    process.kill()
    assert wait([process.sentinel], PATIENCE) == [process.sentinel]
    assert process.exitcode == -signal.SIGKILL  # known as soon as the sentinel tells of the end
    process.close()
    with pytest.raises(ValueError, match="closed"):
        process.join()


def test_the_sentinel_of_a_process_that_has_ended(ctx: Any) -> None:
    process = ctx.Process(target=targets.nothing)
    process.start()
    process.join()
    assert wait([process.sentinel], 0) == [process.sentinel]
    process.close()


def test_is_alive_needs_no_descriptor(ctx: Any) -> None:
    process = ctx.Process(target=targets.sleep)
    process.start()
    before = len(os.listdir("/proc/self/fd"))
    assert process.is_alive() and process in mp.active_children()
    assert len(os.listdir("/proc/self/fd")) == before
    process.kill()
    process.join()


def test_descriptors_and_sockets_go_along(ctx: Any) -> None:
    import socket

    here, there = socket.socketpair()
    process = ctx.Process(target=targets.nothing, args=(there,))
    process.start()
    process.join()
    assert process.exitcode == 0
    there.close()
    assert here.recv(1) == b""
    here.close()


def test_a_redirected_stream_is_the_childs_too(ctx: Any, tmp_path: pathlib.Path) -> None:
    kept = os.dup(1)
    with (tmp_path / "out").open("w") as file:
        os.dup2(file.fileno(), 1)
    try:
        process = ctx.Process(target=targets.write, args=("to the file",))
        process.start()
        process.join()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert (tmp_path / "out").read_text() == "to the file"


def test_grandchildren(ctx: Any) -> None:
    queue = ctx.Queue()
    process = ctx.Process(target=targets.nested, args=(queue,))
    process.start()
    seen = queue.get(timeout=PATIENCE)
    process.join()
    assert seen["parent"] == process.pid and seen["method"] == "dragon"


def test_a_forked_child_of_user_code_joins_anew(ctx: Any) -> None:
    queue = ctx.Queue()
    process = ctx.Process(target=targets.fork_and_use, args=(queue,))
    process.start()
    os_pid, pid = queue.get(timeout=PATIENCE)
    process.join()
    assert os_pid != process.os_pid and pid >> 32 == 1 and pid != process.pid


def test_a_process_lets_go_of_its_target(ctx: Any) -> None:
    class Argument:
        def __reduce__(self) -> tuple[Any, ...]:
            return int, ()

    argument = Argument()
    seen = weakref.ref(argument)
    process = ctx.Process(target=targets.nothing, args=(argument,))
    process.start()
    del argument
    process.join()
    gc.collect()
    assert seen() is None


def test_a_child_that_cannot_start_says_why(ctx: Any) -> None:
    process = ctx.Process(target=print, args=(threading.Lock(),))
    with pytest.raises(TypeError, match=r"cannot pickle '_thread.lock' object \(args\[0\]"):
        process.start()


def test_what_counts_at_an_interpreters_start_gets_one_of_its_own(ctx: Any, monkeypatch: Any) -> None:
    _, warm = ask(ctx, hash, "text")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    _, seen = ask(ctx, hash, "text")
    assert seen != warm
    assert ask(ctx, hash, "text")[1] == seen
    monkeypatch.undo()
    assert ask(ctx, hash, "text")[1] == warm


@pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to drop")
def test_dropped_rights_stay_dropped(ctx: Any) -> None:
    os.setegid(65534)
    try:
        _, seen = ask(ctx, os.getresgid)
    finally:
        os.setegid(0)
    assert seen[:2] == (0, 65534)


def test_threads_may_start_processes_at_once(ctx: Any) -> None:
    import threading

    codes = []

    def start() -> None:
        processes = [ctx.Process(target=targets.end_with, args=(3,)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            codes.append(process.exitcode)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [3] * 12


def test_arguments_of_any_size(ctx: Any) -> None:
    for size in (1, 100_000, 500_000, 3_000_000, 100_000_000):
        assert ask(ctx, len, b"x" * size)[1] == size


def test_children_that_ended_are_forgotten_when_asked_for_and_in_time_when_not(ctx: Any) -> None:
    go = ctx.Event()
    living = ctx.Process(target=go.wait)
    living.start()
    ended: list[Any] = []
    for _ in range(130):
        process = ctx.Process(target=int)
        process.start()
        process._popen.wait()
        ended.append(weakref.ref(process))
        del process
    gc.collect()
    assert sum(reference() is not None for reference in ended) < 70
    assert ctx.active_children() == [living]
    gc.collect()
    assert not any(reference() for reference in ended)
    go.set()
    living.join()


def test_the_event_of_an_end_that_nobody_asks_for_any_more_tells_of_another(ctx: Any) -> None:
    def ended(code: int) -> Any:
        process = ctx.Process(target=os._exit, args=(code,))
        process.start()
        process.join()
        assert process.exitcode == code
        return process

    first = ended(1)
    event = first._popen._exit.id
    second = ended(2)
    assert second._popen._exit.id != event and first.exitcode == 1, "its end can still be asked for"
    held = second._popen._exit
    del first, second
    gc.collect()
    third = ended(3)
    assert third._popen._exit.id == event and ended(0)._popen._exit.id != held.id, (
        "it is used again, unless somebody else has it"
    )
    child = os.fork()
    if child == 0:
        del third
        gc.collect()
        os._exit(ended(4)._popen._exit.id == event)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and third.exitcode == 3


def _resident(things: list[bytes]) -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_large_arguments_are_there_only_once(ctx: Any) -> None:
    """Their pickle is made once, and gone when the process runs."""
    things, pages = [b"1" * (64 << 20)], (64 << 20) // resource.getpagesize()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert ask(ctx, _resident, things)[1] < 1.6 * len(things[0])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1.5 * pages
