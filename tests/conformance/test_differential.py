"""Programs come to the same with Dragon as with "spawn", or to something else for a reason that is told."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import differential
import suite

MOST_USED = "3.11"
FOUND = {version: python.executable for version, python in suite.pythons().items()} or {"this Python": sys.executable}
ENDS = sorted(
    FOUND, key=lambda version: (len(version), version)
)  # the oldest, the newest, and the one that is most used
VERSIONS = [version for version in ENDS if version in (MOST_USED, ENDS[0], ENDS[-1])]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("version", VERSIONS)
def test_it_comes_to_the_same(capsys, version):
    report = differential.compare(FOUND[version])
    failed = len(report.different) + len(report.stale)
    with capsys.disabled():  # among the last lines of ./check
        print(f"\ndifferential: {report.cases - failed} passed, {failed} failed, 0 skipped")
        for name, how in report.flaky.items():
            print(
                f"{how}\nFLAKY {version} differential {name}: as it should be only when it was looked at once more, alone"
            )
    assert report.cases > 650, "cases are missing"
    told = "\n".join(f"{name}\n{how}" for name, how in report.different.items())
    assert not report.different, f"{len(report.different)} of {report.cases} differ, and no reason is given:\n{told}"
    assert not report.stale, f"these stand in differences.ini, and do not differ: {report.stale}"
