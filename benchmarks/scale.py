"""How do time, memory and the database grow with the number of files?

    python -m benchmarks.scale
    python -m benchmarks.scale --sizes 1000 10000 --json scale.json
    python -m benchmarks.scale --keep
    python -m benchmarks.scale --million

For each size a tree of small files is generated and `widthwise index` is run on it as a user
would, with the embedded Postgres and the bundled model: over everything, over nothing, over one
edited file. Seconds are those of the pass, CPU seconds and memory those of the command with its
worker processes; memory is the proportional set size, as in `benchmarks.memory`. Then the
exponent of each growth: 1 is as the files, 0 is not at all. Linux only.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import asyncpg

from benchmarks.memory import Sample, samples
from benchmarks.results import Panel, Result, add_options, figures, publish
from benchmarks.results import Row as Figures
from benchmarks.scale_trees import generate, path_of
from engine.index.database import open_database

QUESTION = (__doc__ or "").partition("\n")[0]

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000

# Each look at the processes takes time that the pass could use.
SAMPLE_SECONDS = 0.5

# What a pass over 100,000 files may take.
GOAL_MIB = 400.0

COLD, NOTHING, EDIT = "everything", "nothing", "one edit"

GROWING = ("seconds", "cpu_seconds", "ours_mib", "postgres_mib", "database_mb")


@dataclass(frozen=True, slots=True)
class Row:
    """One pass over a tree. Peaks of memory are in MiB, the database is in MB.

    `ours` are the command and its workers at one moment, `all` the server's processes too.
    """

    files: int
    change: str
    visited: int
    chunks: int
    seconds: float
    files_per_second: float
    cpu_seconds: float
    command_mib: int
    workers_mib: int
    ours_mib: int
    postgres_mib: int
    all_mib: int
    database_mb: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Between two sizes, the power of the number of files by which each figure rose."""

    files: str
    change: str
    exponents: dict[str, float]


async def measure(files: int, embedder: str) -> list[Row]:
    """All passes over a tree of its own, on a server that stays up between them."""
    with tempfile.TemporaryDirectory(prefix="widthwise-scale-") as folder:
        tree, home = Path(folder) / "tree", Path(folder) / "home"
        generate(tree, files)
        async with open_database(dsn="", home=home) as database:
            return [
                await _pass(change, tree, home, database.pool, embedder)
                for change in _changes(tree, files)
            ][::2]


def _changes(tree: Path, files: int) -> Iterator[str]:
    """Each change, and after it a pass that is not shown.

    What is younger than the index is hashed again once, which is no part of the next change.
    """
    yield COLD
    yield ""
    yield NOTHING
    yield ""
    edited = tree / path_of(files // 2)
    edited.write_text(edited.read_text().replace("factor +", "factor * 2 +"))
    yield EDIT


async def _pass(change: str, tree: Path, home: Path, pool: asyncpg.Pool, embedder: str) -> Row:
    before = _cpu_seconds()
    report, taken = await anyio.to_thread.run_sync(_indexed, tree, home, embedder)
    size = await pool.fetchval("SELECT pg_database_size(current_database())")
    visited, seconds = report["visited"], report["seconds"]
    row = Row(
        files=report["files"],
        change=change,
        visited=visited,
        chunks=report["chunks"],
        seconds=round(seconds, 3),
        files_per_second=round(visited / seconds, 1),
        cpu_seconds=round(_cpu_seconds() - before, 2),
        command_mib=round(max(each.command for each in taken)),
        workers_mib=round(max(each.workers for each in taken)),
        ours_mib=round(max(each.ours for each in taken)),
        postgres_mib=round(max(each.postgres for each in taken)),
        all_mib=round(max(each.ours + each.postgres for each in taken)),
        database_mb=round(size / 1e6, 1),
    )
    print(f"{row.files:,} files, {change or 'to settle'}: {row.seconds:.2f} s", file=sys.stderr)
    return row


def _indexed(tree: Path, home: Path, embedder: str) -> tuple[dict[str, Any], list[Sample]]:
    """The report of the command, and what was held while it ran."""
    usual = {"WIDTHWISE_HOME": str(home), "WIDTHWISE_DSN": "", "WIDTHWISE_EMBEDDER": embedder}
    command = [sys.executable, "-c", "from engine.cli import main; main()"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, "index", str(tree), "--json"],
            env=os.environ | usual,
            stdout=output,
            text=True,
        )
        taken = list(samples(process, home, every_seconds=SAMPLE_SECONDS))
        if process.wait():
            sys.exit(f"widthwise index ended with {process.returncode}")
        output.seek(0)
        report = json.load(output)
    return report, taken


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def growths(rows: Sequence[Row]) -> list[Growth]:
    """Of each change, from each size to the next one."""
    found = []
    for change in dict.fromkeys(row.change for row in rows):
        for small, large in pairwise(row for row in rows if row.change == change):
            exponents = {name: _exponent(small, large, name) for name in GROWING}
            found.append(Growth(f"{small.files:,} to {large.files:,}", change, exponents))
    return found


def _exponent(small: Row, large: Row, name: str) -> float:
    """Of what is measured as 0 nothing can be said."""
    before, after = getattr(small, name), getattr(large, name)
    if not (before and after):
        return 0.0
    return round(math.log(after / before) / math.log(large.files / small.files), 2)


def result(rows: Sequence[Row]) -> Result:
    """Rows of one embedded server; each panel is a figure over the number of files."""
    found = figures(rows)
    cold = [row for row in found if row["change"] == COLD]
    return Result(
        name="scale",
        question=QUESTION,
        rows=found,
        panels=(
            _panel("seconds of a pass", found, "seconds", log_y=True),
            _panel("new files a second", cold, "files_per_second"),
            _panel("peak memory without the server, MiB; dashed: the goal", found, "ours_mib"),
            _panel("database, MB", cold, "database_mb", log_y=True),
        ),
        notes=[_told(growth) for growth in growths(rows)],
    )


def _panel(title: str, rows: Sequence[Figures], y: str, *, log_y: bool = False) -> Panel:
    series = "change" if len({row["change"] for row in rows}) > 1 else ""
    level = GOAL_MIB if y == "ours_mib" else None
    return Panel(
        title=title, rows=rows, x="files", y=y, series=series, log_x=True, log_y=log_y, level=level
    )


def _told(growth: Growth) -> str:
    powers = ", ".join(f"{name} {power}" for name, power in growth.exponents.items())
    return f"Growth of {growth.change} from {growth.files} files: {powers}."


def main() -> None:
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="FILES")
    parser.add_argument("--million", action="store_true", help="a tree of a million files as well")
    parser.add_argument("--embedder", default="local", help="as in WIDTHWISE_EMBEDDER")
    add_options(parser)
    options = parser.parse_args()
    sizes = sorted({*options.sizes, *([MILLION] if options.million else [])})
    rows = [row for files in sizes for row in anyio.run(measure, files, options.embedder)]
    publish(result(rows), options)


if __name__ == "__main__":
    main()
