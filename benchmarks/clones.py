"""What does a repository over HTTP cost: cold, warm, after an edit, and after a wipe?

    python -m benchmarks.clones path/to/django

Makes one commit of a copy of the tree, serves it with `git http-backend` on loopback, and
indexes it in an embedded Postgres of its own, with the hashed embedder. Beside it stands
what `git clone --depth 1` of the same server takes by itself.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine import Engine, GitRepository, Isolation, Settings

# The server of the tests, which counts what it is asked for.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "engine"))
from git_server import CLEAN, GitServer, Upstream, git_server


@dataclass(frozen=True, slots=True)
class Row:
    """A pass and what it asked of the server. `fetch_seconds` are a part of `seconds`."""

    situation: str
    files: int
    visited: int
    requests: int
    sent_bytes: int
    disk_bytes: int
    fetch_seconds: float
    seconds: float


async def measure(upstream: Upstream, server: GitServer, home: Path) -> list[Row]:
    checkouts, rows = home / "checkouts", list[Row]()
    settings = Settings(home=home, embedder="hashed", isolation=Isolation.INLINE)
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("r", GitRepository(server.url(upstream.folder.name)))
        for situation, prepare in _situations(upstream, checkouts):
            prepare()
            server.requests.clear()
            server.sent = 0
            began = time.monotonic()
            report = await (await realm.index()).finished()
            seconds = time.monotonic() - began
            row = Row(
                situation, report.files, report.visited, len(server.requests), server.sent,
                _size(checkouts), report.phases["fetch"], seconds,
            )  # fmt: skip
            rows.append(row)
            print(f"{situation}: {seconds:.2f} s", flush=True)
    return rows


def _situations(upstream: Upstream, checkouts: Path) -> list[tuple[str, Callable[[], object]]]:
    edited = next(upstream.folder.rglob("*.py")).relative_to(upstream.folder).as_posix()
    return [
        ("cold", lambda: None),
        ("warm, nothing new", lambda: None),
        ("warm, one file edited", lambda: upstream.commit({edited: "EDITED = True\n"})),
        ("after a wipe", lambda: shutil.rmtree(checkouts)),
    ]


def clone_by_itself(server: GitServer, name: str, place: Path) -> Row:
    server.requests.clear()
    server.sent = 0
    began = time.monotonic()
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", server.url(name), place], env=CLEAN, check=True
    )
    seconds = time.monotonic() - began
    files = sum(path.is_file() for path in place.rglob("*") if ".git" not in path.parts)
    requests, sent = len(server.requests), server.sent
    return Row("git clone --depth 1", files, 0, requests, sent, _size(place), seconds, seconds)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="the files of the repository")
    add_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="widthwise-clones-") as scratch:
        place = Path(scratch)
        upstream = Upstream(place / "served" / "tree")
        shutil.copytree(options.tree, upstream.folder, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns(".git"))  # fmt: skip
        upstream.commit()
        with git_server(place / "served") as server:
            rows = [clone_by_itself(server, "tree", place / "clone")]
            rows += anyio.run(measure, upstream, server, place / "home")
    found = figures(rows)
    panels = [
        Panel(title=title, rows=found, x="situation", y=y, kind="bars", log_y=True)
        for title, y in (("seconds", "seconds"), ("bytes sent", "sent_bytes"))
    ]
    publish(Result(name="clones", question=question(__doc__), rows=found, panels=panels), options)


if __name__ == "__main__":
    main()
