#!/usr/bin/env python3
"""Writes the codecs of the control messages, in Java and in Python, from spec/control.proto.

    spec/generate.py            writes what differs, and says what it wrote
    spec/generate.py --check    writes nothing; exit code 1 if a generated file is not what the schema says

The generated files are checked in, so that neither a build nor a user needs this program. It needs nothing but Python.
What it understands of proto3, and what the codecs do, is told in codegen/schema.py.
"""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from codegen import java, python, schema  # noqa: E402  (they lie beside this file)

JAVA_FOLDER = "agent/src/main/java/dragon/agent/control"
PYTHON_FILE = "python/dragon/_control.py"


def generated(root: pathlib.Path) -> "dict[pathlib.Path, str]":
    """All generated files: path -> text."""
    messages = schema.parse((root / "spec/control.proto").read_text())
    files = {root / JAVA_FOLDER / f"{name}.java": text for name, text in java.files(messages).items()}
    files[root / PYTHON_FILE] = python.file(messages)
    return files


def stale(root: pathlib.Path, files: "dict[pathlib.Path, str]") -> "list[pathlib.Path]":
    """Generated Java files of messages that are no longer in the schema."""
    found = (root / JAVA_FOLDER).glob("*.java")
    return [path for path in found if path not in files and java.MARK in path.read_text()]


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    check = options.parse_args().check
    root = HERE.parent
    files = generated(root)
    changed = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    surplus = stale(root, files)
    for path in changed:
        print(f"{'not current' if check else 'written'}: {path.relative_to(root)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
    for path in surplus:
        print(f"{'surplus' if check else 'removed'}: {path.relative_to(root)}")
        if not check:
            path.unlink()
    if check and (changed or surplus):
        print(
            "spec/generate.py: the control codecs are not those of spec/control.proto; run spec/generate.py",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
