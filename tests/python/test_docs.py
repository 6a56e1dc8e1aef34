"""docs/multiprocessing.md forgets no name of the API, and invents none."""

from __future__ import annotations

import importlib
import multiprocessing as mp
import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "multiprocessing.md"


def test_every_name_of_multiprocessing_has_its_row() -> None:
    rows = [line for line in PAGE.read_text().partition("## The submodules'")[0].splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(mp.__all__)


MODULES = ("pool", "managers", "shared_memory", "sharedctypes", "connection", "queues", "synchronize", "reduction")


def test_every_public_name_of_its_submodules_has_its_row() -> None:
    rows = [
        line.split("|")
        for line in PAGE.read_text().partition("## The submodules'")[2].splitlines()
        if line.startswith("| `")
    ]
    named = {(row[1].strip(" `"), name) for row in rows for name in re.findall(r"`(\w+)`", row[2])}
    there = {
        (module, name) for module in MODULES for name in importlib.import_module(f"multiprocessing.{module}").__all__
    }
    assert named == there
