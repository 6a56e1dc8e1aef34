"""What CPython's own tests say about Dragon's objects: those listed in passing.txt pass."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import suite

pytestmark = pytest.mark.timeout(500)


@pytest.mark.skipif(suite.runner() is None, reason="no run_cpython_mp.py in DRAGON_CONFORMANCE or ../shared/cpython")
@pytest.mark.parametrize("group", suite.CLASSES)
def test_cpythons_own_tests(tmp_path, group):
    outcomes = suite.run(suite.CLASSES[group], tmp_path)
    classes = {name.partition(".")[0] for name in outcomes}
    wanted = [name for name in suite.expected() if name.partition(".")[0] in classes]
    bad = {name: outcomes.get(name, {"outcome": "not there", "detail": ""}) for name in wanted}
    bad = {name: result for name, result in bad.items() if result["outcome"] != "passed"}
    new = sorted(name for name, result in outcomes.items() if result["outcome"] == "passed" and name not in wanted)
    if new:
        print(f"passing, and not in {suite.PASSING.name} (suite.py --update puts them there):", *new, sep="\n    ")
    details = "\n".join(f"{result['outcome']} {name}\n{result['detail'][-1500:]}" for name, result in bad.items())
    assert not bad, f"{len(bad)} of {len(wanted)} tests that have to pass do not:\n{details}"
