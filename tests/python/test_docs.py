"""docs/multiprocessing.md forgets no name of the API, and invents none."""

from __future__ import annotations

import multiprocessing as mp
import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "multiprocessing.md"


def test_every_name_of_multiprocessing_has_its_row() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(mp.__all__)
