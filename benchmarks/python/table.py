"""Samples become a table: medians, the ratio of what was measured side by side, and the spread."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Optional

from rows import Benchmark, Row

Samples = dict[tuple[str, str], list[float]]  # (row, side) -> values, in the order of the rounds

NAMES = {
    "aeron": "Aeron IPC",
    "plain": "bare slots",
    "jdk": "java.util.concurrent",
    "spawn": "stock spawn",
    "forkserver": "stock forkserver",
    "executor": "stock ProcessPoolExecutor",
    "loky": "loky",
    "ray": "Ray",
    "dask": "Dask",
    "mpi": "mpi4py",
}
HEAD = ("what", "unit", "peer", "peer's", "ours", "times as good", "spread", "goal", "met")


def collect(lines: Iterable[dict[str, object]]) -> Samples:
    samples: Samples = defaultdict(list)
    for line in lines:
        samples[str(line["row"]), str(line["side"])].append(float(str(line["value"])))
    return samples


def ratio(row: Row, samples: Samples) -> Optional[float]:
    """How many times as good ours is: the median over the rounds, each compared within itself, since the machine drifts. None without a peer."""
    pairs = list(zip(samples.get((row.name, row.ours), []), samples.get((row.name, row.peer), [])))
    ratios = [(ours / theirs if row.higher else theirs / ours) for ours, theirs in pairs if ours > 0 and theirs > 0]
    return statistics.median(ratios) if ratios else None


def spread(values: list[float]) -> str:
    """The middle half of the values, as a share of their median."""
    middle = statistics.median(values)
    if len(values) < 3 or middle == 0:
        return "-"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{100 * (high - low) / middle:.0f} %"


def line(row: Row, samples: Samples) -> Optional[tuple[str, ...]]:
    """None where ours was not measured, or a peer that is optional."""
    ours, theirs = samples.get((row.name, row.ours)), samples.get((row.name, row.peer))
    if not ours or (not theirs and row.goal.value is None and row.peer):
        return None
    value, compared = statistics.median(ours), ratio(row, samples)
    met = row.goal.met(value, compared, row.higher)
    return (
        row.title,
        row.unit,
        NAMES.get(row.peer, row.peer) or "-",
        number(statistics.median(theirs)) if theirs else "-",
        number(value),
        number(compared) if compared else "-",
        spread(ours),
        str(row.goal),
        "" if met is None else "yes" if met else "NO",
    )


def number(value: float) -> str:
    """Three digits."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def render(benchmarks: Iterable[Benchmark], samples: Samples) -> str:
    """A table in Markdown that is readable as it is."""
    lines = [HEAD, *(found for benchmark in benchmarks for row in benchmark.rows if (found := line(row, samples)))]
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(HEAD))]
    left = {0, 1, 2, len(HEAD) - 1}
    text = [
        "| "
        + " | ".join(cell.ljust(widths[i]) if i in left else cell.rjust(widths[i]) for i, cell in enumerate(cells))
        + " |"
        for cells in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)
