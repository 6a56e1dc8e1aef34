"""Producers, consumers and lock owners die at random moments: no message is lost or doubled but those in dead hands, nobody hangs."""

from __future__ import annotations

import sys

import crash
import pytest


@pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
def test_a_hundred_kills(tmp_path, dice, launcher):
    crash.check(tmp_path, 120, dice.randrange(1 << 32), launcher, sys.stdout)
