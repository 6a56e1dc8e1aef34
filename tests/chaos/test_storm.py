"""`tests/chaos/run` in seconds: processes of each kind are killed, all in one run."""

from __future__ import annotations

import sys

import crash


def test_every_kind_is_killed(tmp_path, dice):
    crash.check(tmp_path, 45, dice.randrange(1 << 32), sys.stdout, launcher=dice.random() < 0.5, program="storm")
