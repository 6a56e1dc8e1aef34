"""What the zygote learns of a program."""

from __future__ import annotations

import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).parents[2] / "python"


def test_a_program_that_changes_is_learned_again(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program.py"
    text = "import sys\nVALUE = %r, __name__, __file__ == sys.argv[0]\n"
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from dragon import _main_code\n"
        "program = pathlib.Path(sys.argv[2])\n"
        "def ran(): return _main_code.run(str(program)) and sys.modules['__main__'].VALUE\n"
        f"program.write_text({text!r} % 'first')\n"
        "print(ran(), _main_code.learn(str(program)), _main_code.learn(str(program)), ran())\n"
        f"program.write_text({text!r} % 'the second')\n"
        "print(ran(), _main_code.learn(str(program)), ran())\n"
        "program.write_text('no program')\n"
        "print(_main_code.learn(str(program)), ran(), sys.argv[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, PACKAGE, program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False True False ('first', '__mp_main__', True)",
        "False True ('the second', '__mp_main__', True)",
        "False False -c",
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
