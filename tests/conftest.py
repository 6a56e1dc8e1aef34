"""For all tests: one that hangs is named, shows where everybody stands, and costs a minute at most; see hang.py."""

from __future__ import annotations

import hang

hang.take_signals_as_a_shell_gives_them()


def pytest_configure(config):
    config.pluginmanager.register(hang.Guard(config), "hang-guard")
