"""docs/multiprocessing.md forgets no name of the API, and invents none."""

from __future__ import annotations

import importlib
import multiprocessing as mp
import pathlib
import pkgutil
import re

ERRORS = pathlib.Path(__file__).parents[2] / "docs" / "errors.md"
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "multiprocessing.md"


def test_every_name_of_multiprocessing_has_its_row() -> None:
    rows = [line for line in PAGE.read_text().partition("## The submodules'")[0].splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(mp.__all__)


MODULES = ("pool", "managers", "shared_memory", "sharedctypes", "connection", "queues", "synchronize", "reduction")


def test_every_public_name_of_its_submodules_has_its_row() -> None:
    table = PAGE.read_text().partition("## The submodules'")[2].partition("## multiprocessing.dummy")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    named = {(row[1].strip(" `"), name) for row in rows for name in re.findall(r"`(\w+)`", row[2])}
    there = {
        (module, name) for module in MODULES for name in importlib.import_module(f"multiprocessing.{module}").__all__
    }
    assert named == there


def test_every_public_name_of_dummy_has_its_row() -> None:
    rows = [
        line
        for line in PAGE.read_text().partition("## multiprocessing.dummy")[2].splitlines()
        if line.startswith("| `")
    ]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(importlib.import_module("multiprocessing.dummy").__all__)


def test_the_errors_that_are_described_exist() -> None:
    named = re.findall(r"`(dragon\.[\w.]+)`", ERRORS.read_text())
    assert len(named) > 5
    for name in named:
        assert issubclass(pkgutil.resolve_name(name), BaseException)


def test_what_the_messages_are_said_to_hold_is_in_the_code() -> None:
    package = ERRORS.parents[1] / "python" / "dragon"
    code = "".join(file.read_text() for file in package.glob("*.py"))
    words = (
        "pip install cloudpickle",
        "while unpickling",
        "is it defined under",
        "too deep within one another",
        "shared memory is used up",
    )
    for text in words:
        assert text in ERRORS.read_text() and text in code
