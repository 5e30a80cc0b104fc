"""How fast are a first pass, an idle one, an edit and a delete beside what one would use instead?

    python -m benchmarks.peers path/to/django
    python -m benchmarks.peers path/to/django --embedder slow --only widthwise,floor

Every contender indexes a copy of the tree's Python files into an empty database of the same
embedded Postgres, with one and the same embedder: `free` hashes a text to 256 numbers in the
contender's own process, `slow` is a service on loopback that takes 20 ms for up to 32 texts,
8 at once. Each action is a fresh process, which then does the same `again`, as a server does that
runs on: nothing, another edit of the same file, another deleted file. `seconds` are those of the
call that indexes, without imports and connecting; `cpu` is user and system time of all the
contender's processes meanwhile, `peak_mib` the most they held together, imports included; Postgres
is apart from both. `ratio` is to the floor, a straight-line script: the same chunker as the
peers', binary COPY, and a manifest of size, mtime and inode that is compared with what `scandir`
finds. Widthwise cuts along definitions instead, so its rows and texts are other ones, and visits
again what depends on a file that changed or went, which nobody else does. Peers are installed by
pip, each in an environment of its own, before anything is measured. Nobody waits for the disk:
commits are not synchronous, for any of them.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg

from benchmarks.peer_runs import CONTENDERS, Run, middle, python_for, running
from benchmarks.results import Panel, Result, Row, add_options, publish, question
from benchmarks.slow_provider import slow_provider
from engine.index.embedded import embedded_postgres

Runs = dict[tuple[str, str], list[Run]]


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy that may be changed, and the files in it that will be: one edited, two deleted."""

    root: Path
    edited: str
    deleted: tuple[str, str]

    @contextmanager
    def restored(self) -> Iterator[None]:
        held = {self.root / name: (self.root / name).read_bytes() for name in self._named()}
        try:
            yield
        finally:
            for path, content in held.items():
                path.write_bytes(content)

    def actions(self) -> dict[str, list[Callable[[], None]]]:
        """What is done to the tree before each turn of a process."""
        edit = partial(comment, self.root / self.edited)
        return {
            "cold": [lambda: None],
            "no-op": [lambda: None] * 2,
            "edit": [partial(edit, 1 / 2), partial(edit, 1 / 4)],
            "delete": [(self.root / each).unlink for each in self.deleted],
        }

    def _named(self) -> tuple[str, ...]:
        return self.edited, *self.deleted


def copy_python(source: Path, tree: Path) -> int:
    files = [path for path in sorted(source.rglob("*.py")) if path.is_file()]
    for path in files:
        target = tree / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return len(files)


def comment(path: Path, place: float) -> None:
    """One line more, after such a share of the file."""
    lines = path.read_text().splitlines(keepends=True)
    lines.insert(int(len(lines) * place), "# A line that was not here before.\n")
    path.write_text("".join(lines))


@dataclass(frozen=True, slots=True)
class Bench:
    server_dsn: str
    tree: Tree
    folder: Path
    environments: Path
    url: str

    async def round(self, name: str, runs: Runs) -> None:
        """All actions, one after the other, in a database of its own."""
        dsn, state = await self._database(), self.folder / f"state-{time.time_ns()}"
        state.mkdir()
        python = python_for(name, self.environments)
        with self.tree.restored():
            for action, changes in self.tree.actions().items():
                arguments = [str(self.tree.root), dsn, self.url, str(state)]
                with running(python, CONTENDERS[name], arguments) as process:
                    for turn, change in zip((action, f"{action}, again"), changes, strict=False):
                        change()
                        run = await anyio.to_thread.run_sync(process.turn)
                        run = replace(run, rows=await _rows(dsn, CONTENDERS[name].table))
                        print(f"{name}, {turn}: {run.seconds:.3f} s", file=sys.stderr, flush=True)
                        runs[name, turn].append(run)

    async def _database(self) -> str:
        connection = await asyncpg.connect(self.server_dsn)
        name = f"bench_{time.time_ns()}"
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return self.server_dsn.replace("@/widthwise?", f"@/{name}?")


async def _rows(dsn: str, table: str) -> int:
    connection = await asyncpg.connect(dsn)
    rows: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    await connection.close()
    return rows


async def _wait_for_no_disk(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER SYSTEM SET synchronous_commit = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def measure(
    tree: Tree, folder: Path, *, environments: Path, names: Sequence[str], rounds: int, url: str
) -> Runs:
    """Everybody once, then everybody again, so that a busy minute does not hit one alone."""
    runs: Runs = defaultdict(list)
    for name in names:
        await anyio.to_thread.run_sync(python_for, name, environments)
    async with embedded_postgres(folder / "home") as dsn:
        await _wait_for_no_disk(dsn)
        bench = Bench(dsn, tree, folder, environments, url)
        for _ in range(rounds):
            for name in names:
                await bench.round(name, runs)
    return runs


def rows_of(runs: Runs) -> list[Row]:
    middles = {key: middle(found) for key, found in runs.items()}
    actions = dict.fromkeys(action for _, action in middles)
    found: list[Row] = []
    for wanted in actions:
        floor = middles.get(("floor", wanted))
        found += [
            _row(name, action, run, floor)
            for (name, action), run in middles.items()
            if action == wanted
        ]
    return found


def _row(name: str, action: str, run: Run, floor: Run | None) -> Row:
    return {
        "action": action,
        "who": name,
        "seconds": run.seconds,
        "ratio": run.seconds / floor.seconds if floor else None,
        "cpu": run.cpu,
        "peak_mib": run.peak_mib,
        "rows": run.rows,
        "texts": run.texts,
    }


def _names(given: str) -> tuple[str, ...]:
    names = tuple(given.split(","))
    if unknown := set(names) - set(CONTENDERS):
        raise argparse.ArgumentTypeError(f"{unknown} are none of {', '.join(CONTENDERS)}")
    return names


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("source", type=Path, help="a folder of Python files")
    parser.add_argument("--only", type=_names, default=tuple(CONTENDERS), metavar="NAME,NAME")
    parser.add_argument("--embedder", choices=("free", "slow"), default="free")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--edit", default="django/db/models/query.py", metavar="FILE")
    parser.add_argument(
        "--delete",
        nargs=2,
        default=("django/utils/dateformat.py", "django/utils/dateparse.py"),
        metavar="FILE",
    )
    parser.add_argument(
        "--environments", type=Path, metavar="FOLDER", help="keep what pip installs, for next time"
    )
    add_options(parser)
    return parser.parse_args()


def main() -> None:
    options = _options()
    slow = options.embedder == "slow"
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as name:
        folder = Path(name)
        (folder / "home").mkdir(mode=0o755)
        tree = Tree(folder / "tree", options.edit, tuple(options.delete))
        files = copy_python(options.source, tree.root)
        with slow_provider() if slow else nullcontext("") as url:
            started = partial(
                measure,
                tree,
                folder,
                environments=(options.environments or folder).resolve(),
                names=options.only,
                rounds=options.rounds,
                url=url,
            )
            rows = rows_of(anyio.run(started))
    notes = (f"{files} files, {options.embedder} embedder, medians of {options.rounds}.",)
    panels = [
        Panel(title=title, rows=rows, x="action", y=y, series="who", kind="bars", log_y=True)
        for title, y in (("Seconds", "seconds"), ("CPU seconds", "cpu"), ("MiB", "peak_mib"))
    ]
    publish(
        Result(name="peers", question=question(__doc__), rows=rows, panels=panels, notes=notes),
        options,
    )


if __name__ == "__main__":
    main()
