"""What the zygote learns of a program."""

from __future__ import annotations

import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).parents[2] / "python"


def test_a_program_that_changes_is_learned_again(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program.py"
    text = "import runpy, sys\nVALUE = %r\n"
    code = (
        "import sys, runpy, pathlib; sys.path.insert(0, sys.argv[1]); from dragon import _main_code\n"
        "program = pathlib.Path(sys.argv[2]); _main_code.use()\n"
        "def value(): return runpy.run_path(str(program), run_name='__mp_main__')['VALUE']\n"
        f"program.write_text({text!r} % 'first')\n"
        "print(_main_code.learn(str(program)), _main_code.learn(str(program)), value())\n"
        f"program.write_text({text!r} % 'the second')\n"
        "print(value(), _main_code.learn(str(program)), value())\n"
        "program.write_text('no program')\n"
        "print(_main_code.learn(str(program)))\n"
        "try: value()\n"
        "except SyntaxError: print('said so')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, PACKAGE, program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "True False first",
        "the second True the second",
        "False",
        "said so",
    ]


def test_plain_modules_come_with_it(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import statistics, tkinter\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from dragon import _main_code\n"
        "_main_code.learn(sys.argv[2]); print('statistics' in sys.modules, 'tkinter' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, PACKAGE, program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
    (tmp_path / "statistics.py").touch()
    done = subprocess.run([sys.executable, "-c", code, PACKAGE, program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
