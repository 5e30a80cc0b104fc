"""Run the reaper as a program: `python -I -S boot.py HOME BINARIES LOCK_DESCRIPTOR`.

It stays as long as the server does, so it must be small: the packages it lives in are
entered without their doors, which would import the whole engine.
"""

import sys
import types
from pathlib import Path


def main() -> None:
    sources = Path(__file__).parents[3]
    for name in ("engine", "engine.index", "engine.index.embedded"):
        package = types.ModuleType(name)
        package.__path__ = [str(sources.joinpath(*name.split(".")))]
        sys.modules[name] = package
    from engine.index.embedded import reaper  # noqa: PLC0415 - needs the packages above

    reaper.main()


if __name__ == "__main__":
    main()
