"""Run the reaper as a program: `python -I -S boot.py HOME BINARIES LOCK_DESCRIPTOR`.

It stays as long as the server does, so it must be small: the packages it lives in are
entered without their doors, which would import the whole engine.
"""

import sys
import types
from pathlib import Path


def main() -> None:
    enter_past_doors()
    from engine.index.embedded import reaper  # noqa: PLC0415 - needs the packages

    reaper.main()


def enter_past_doors() -> None:
    """Makes the modules of this folder importable under their names, and nothing else."""
    sources = Path(__file__).parents[3]
    for name in ("engine", "engine.index", "engine.index.embedded"):
        package = types.ModuleType(name)
        package.__path__ = [str(sources.joinpath(*name.split(".")))]
        sys.modules[name] = package


if __name__ == "__main__":
    main()
