"""Lists the benchmarks, one question each, or runs one: `python -m benchmarks [NAME ...]`.

`python -m benchmarks all TREE [--keep]` runs those of the README one after the other.
"""

import ast
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import suite

HERE = Path(__file__).parent


def questions() -> Iterator[tuple[str, str]]:
    """Name and question of each file that runs by itself, without importing any."""
    for path in sorted(HERE.glob("[!_]*.py")):
        source = path.read_text()
        if '\nif __name__ == "__main__":' in source:
            yield path.stem, (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def _list() -> None:
    print("\n".join(f"{name:<18}{question}" for name, question in questions()))
    minutes = sum(step.minutes for step in suite.STEPS)
    print(f"\npython -m benchmarks all TREE --keep, about {minutes:.0f} minutes, runs:\n")
    print("\n".join(suite.listed()))


def main() -> None:
    if len(sys.argv) == 1:
        _list()
        return
    name, *rest = sys.argv[1:]
    if name == "all":
        sys.argv = [name, *rest]
        suite.main()
        return
    if name not in dict(questions()):
        sys.exit(f"{name}: no benchmark has this name, `python -m benchmarks` lists them")
    sys.argv = [name, *rest]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
