"""Every program in docs/ runs and prints what stands below it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = re.compile(r"```python\n(.*?)```\n(?:```text\n(.*?)```)?", re.DOTALL)


def programs() -> list[object]:
    """What the pages of docs/ have between fences, each with the heading above it."""
    found = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text()
        assert text.count("```python") == len(PROGRAM.findall(text)), f"{page}: a fence is not closed"
        for match in PROGRAM.finditer(text):
            heading = text[: match.start()].rpartition("\n## ")[2].partition("\n")[0]
            found.append(pytest.param(match[1], match[2], id=f"{page.stem}: {heading}"))
    return found


@pytest.mark.parametrize("launcher", [True, False], ids=["launcher", "plain"])
@pytest.mark.parametrize(("program", "printed"), programs())
def test_it_prints_what_is_said(tmp_path, program, printed, launcher):
    assert printed, "what it prints is to stand below it, as text"
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [ROOT / "dragon" if launcher else sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
    assert "Traceback" not in done.stderr
