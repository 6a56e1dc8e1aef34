"""Producers, consumers and lock owners die at random moments: no message is lost or doubled but those in dead hands, nobody hangs."""

from __future__ import annotations

import sys

import crash
import pytest

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
@pytest.mark.parametrize("java", [False, True], ids=["python", "python and java"])
def test_sixty_kills(tmp_path, dice, java, launcher):
    crash.check(tmp_path, 60, dice.randrange(1 << 32), sys.stdout, launcher, java)
