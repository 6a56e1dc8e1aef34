"""CPython's own tests, of every version that is installed here with them: each passes, or is left out for a reason."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import suite

MOST_USED = "3.11"  # the version whose suite runs in both pid styles

TITLES = {"mp": "multiprocessing", "cf": "futures", "main": "main"}
RUNS = [(version, name, "os") for version in suite.pythons() for name in suite.PROFILES]
RUNS += [(MOST_USED, name, "dragon") for name in suite.PROFILES] if MOST_USED in suite.pythons() else []


@pytest.mark.skipif(suite.runner() is None, reason="no run_cpython_mp.py in DRAGON_CONFORMANCE or ../shared/cpython")
@pytest.mark.skipif(not RUNS, reason="no CPython here has its own tests (test._test_multiprocessing)")
@pytest.mark.timeout(500)
@pytest.mark.parametrize(("version", "name", "pid"), RUNS)
def test_cpythons_own_tests(tmp_path, capsys, version, name, pid):
    python = suite.pythons()[version]
    if name == "cf" and suite.futures_source(python, tmp_path) is None:
        pytest.skip(f"CPython {python.release} came without the tests of concurrent.futures")
    report = suite.run(python, name, pid, tmp_path)
    with capsys.disabled():  # among the last lines of ./check
        print(f"\n{TITLES[name]}: {report.passed} passed, {len(report.bad)} failed, {len(report.skipped)} skipped")
        for name in report.flaky:
            print(f"FLAKY {python.version} {name}: passed only at the second try")
    details = "\n".join(f"{test}: {how}" for test, how in report.bad.items())
    assert not report.bad, f"{len(report.bad)} failed, {report.passed} passed:\n{details}"
    least = suite.known(python, name, pid)
    assert report.passed >= least, f"{report.passed} passed, and it should be {least}; skipped: {report.skipped}"
