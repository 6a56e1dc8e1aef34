"""`tests/chaos/run` in seconds: processes of each kind are killed, all in one run."""

from __future__ import annotations

import sys

import crash
import pytest

pytestmark = pytest.mark.timeout(240)


def test_every_kind_is_killed(tmp_path, dice):
    crash.check(tmp_path, 40, dice.randrange(1 << 32), sys.stdout, launcher=dice.random() < 0.5, program="storm")


def test_killed_while_memory_is_used_up(tmp_path, dice):
    small = {"STORM_SCENES": "Hunger", "DRAGON_MEMORY": "64M"}
    crash.check(
        tmp_path, 12, dice.randrange(1 << 32), sys.stdout, launcher=dice.random() < 0.5, program="storm", env=small
    )
