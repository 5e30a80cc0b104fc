"""What does a pass cost after each kind of change, against a pass over everything?

    python -m benchmarks.incremental path/to/django
    python -m benchmarks.incremental --generate 100000

Works on a copy of the tree (or on one that it generates), in an embedded Postgres of its
own, with the hashed embedder, so that it is the engine that is measured.
"""

import argparse
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import asyncpg

from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine import Engine, Folder, Isolation, PassReport, Settings
from engine.index.database import open_database


@dataclass(frozen=True, slots=True)
class Row:
    """One change and what the pass after it did. `seconds` include the scan."""

    change: str
    files: int
    invalidated: int
    visited: int
    cut_off: int
    embedded: int
    rows_written: int
    discover_seconds: float
    seconds: float
    ratio: float


def generate(root: Path, files: int, *, seed: int = 1) -> None:
    """Packages of 100 modules; each module reads five, most of them among the first hundred."""
    source = random.Random(seed)
    for number in range(files):
        folder = root / f"p{number // 100:05}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
            (folder / "__init__.py").write_text("")
        reads = {int(number * source.random() ** 3) for _ in range(5)} if number else set()
        imports = "".join(f"from p{r // 100:05}.m{r} import f{r}\n" for r in sorted(reads))
        body = f"def f{number}(key):\n    return key + {number}\n"
        (folder / f"m{number}.py").write_text(f"{imports}\n\n{body}")


async def measure(root: Path, home: Path) -> list[Row]:
    settings = Settings(home=home, embedder="hashed", isolation=Isolation.INLINE)
    async with open_database(dsn="", home=home) as database:
        pool = database.pool
        rows: list[Row] = []

        async def run(change: str) -> None:
            before = await _rows_written(pool)
            # Connections of its own: Postgres counts what a session wrote when it ends.
            async with Engine.open(settings) as engine:
                realm = await engine.add_realm("r", Folder(root))
                began = time.monotonic()
                report = await (await realm.index()).finished()
                seconds = time.monotonic() - began
            written = await _rows_written(pool) - before
            full = rows[0].seconds if rows else seconds
            rows.append(_row(change, report, written, seconds, full))
            print(f"{change}: {seconds:.3f} s", flush=True)

        await run("from scratch")
        await run("nothing, files still young")
        await run("nothing")
        hub, leaf = await _hub_and_leaf(pool)
        for change, edit in _edits(root, hub, leaf):
            edit()
            await run(change)
        return rows


def _edits(root: Path, hub: str, leaf: str) -> Iterator[tuple[str, Callable[[], object]]]:
    path, last = root / hub, root / leaf
    text = path.read_text()
    yield "touch", lambda: os.utime(path)
    yield f"body of {hub}", lambda: path.write_text(text + "\n# a comment\n")
    yield f"signature in {hub}", lambda: path.write_text(text + "\n\ndef added_here(one): ...\n")
    yield f"leaf {leaf}", lambda: last.write_text(last.read_text() + "\n# a comment\n")
    moved = last.with_name("renamed_" + last.name)
    yield "rename of the leaf", lambda: last.rename(moved)
    yield "branch switch, 1,000 files", lambda: _switch(root, 1_000)
    yield "one delete", moved.unlink


def _switch(root: Path, count: int) -> None:
    """What a checkout of another branch does: many files get another content at once."""
    files = sorted(path for path in root.rglob("*.py") if path.stat().st_size)
    for path in random.Random(7).sample(files, min(count, len(files) // 2)):
        path.write_bytes(path.read_bytes() + b"\n\nON_THIS_BRANCH = True\n")


async def _hub_and_leaf(pool: asyncpg.Pool) -> tuple[str, str]:
    """The Python file that most others read, and the last one that none reads."""
    rows = await pool.fetch("SELECT key, dependencies FROM entries WHERE key LIKE '%.py'")
    reads = Counter(key for row in rows for key in row["dependencies"] if key.endswith(".py"))
    filled = await pool.fetch("SELECT key FROM entries WHERE chunk_count > 0 AND key LIKE '%.py'")
    hub = max(reads, key=lambda key: (reads[key], key))
    return hub, max(row["key"] for row in filled if row["key"] not in reads)


async def _rows_written(pool: asyncpg.Pool) -> int:
    await pool.execute("SELECT pg_stat_force_next_flush()")
    return int(
        await pool.fetchval(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
        )
    )


def _row(change: str, report: PassReport, written: int, seconds: float, full: float) -> Row:
    return Row(
        change, report.files, report.invalidated, report.visited, report.cut_off,
        report.texts_embedded, written, round(report.phases["discover"], 3),
        round(seconds, 3), round(seconds / full, 4),
    )  # fmt: skip


def result(rows: Sequence[Row]) -> Result:
    found = figures(rows)
    panels = [
        Panel(title=title, rows=found, x="change", y=y, kind="bars", log_y=True)
        for title, y in (("seconds of a pass", "seconds"), ("rows written", "rows_written"))
    ]
    return Result(name="incremental", question=question(__doc__), rows=found, panels=panels)


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("--generate", type=int, metavar="FILES")
    add_options(parser)
    options = parser.parse_args()
    if (options.tree is None) == (options.generate is None):
        parser.error("give a tree, or --generate a number of files")
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as folder:
        root, home = Path(folder) / "tree", Path(folder) / "home"
        if options.generate:
            generate(root, options.generate)
        else:
            shutil.copytree(options.tree, root, symlinks=True)
        rows = anyio.run(measure, root, home)
    publish(result(rows), options)


if __name__ == "__main__":
    main()
