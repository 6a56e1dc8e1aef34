"""Messages whose setting stays encoded are the schema's own."""

from __future__ import annotations

from dragon import _control, _encoded


def test_a_fork_is_read_with_its_setting_as_it_came() -> None:
    setting = _control.Setting(cwd=b"/", umask=18, environment=[_control.Variable(b"A", b"b")], nice=-3)
    fork = _control.Fork(setting, b"payload", 2, 7, (1 << 32) + 6, "name")
    frame = _encoded.Frame.decode(_control.Frame(0, fork).encode())
    read = frame.body
    assert isinstance(read, _encoded.Fork)
    assert _control.Setting.decode(read.setting) == setting
    assert (read.payload, read.passed, read.client, read.process_id, read.name) == (
        b"payload",
        2,
        7,
        (1 << 32) + 6,
        "name",
    )


def test_a_spawn_is_written_as_the_schema_says() -> None:
    setting = _control.Setting(cwd=b"/")
    ours = _encoded.Spawn(setting.encode(), b"payload", 1, (64, 5), [3, 4], "name", True)
    theirs = _control.Spawn(setting, b"payload", 1, 64, 5, [3, 4], "name", True)
    assert _encoded.Frame(9, ours).encode() == _control.Frame(9, theirs).encode()
