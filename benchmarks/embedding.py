"""How near does a pass come to the speed of its embedding provider?

    python -m benchmarks.embedding path/to/django
    python -m benchmarks.embedding path/to/django --peers --rounds 3 --json embedding.json

The provider is a process on loopback that takes 20 ms for a batch of up to 32 texts, 8 at
once; then the same with 1 % of the calls failing, and with a 429 for whoever has more than
4 under way. A pass over the tree's Python files is set beside the ideal, and beside a script
that has the same chunks in memory and only embeds and copies them to Postgres. With
`--peers` LlamaIndex and LangChain get the same chunks, each in an environment that is made
for it with pip. Nobody waits for the disk: commits are not synchronous, for any of them.

`embedding` is from the first request to the last answer, and stands in a ratio to the ideal and
to all of the script. Of a pass it contains the visits, which the texts come from, so a pass with
vectors that cost nothing stands beside it: what it takes less is what the provider costs.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import asyncpg
import httpx
import numpy as np
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from benchmarks.embedding_peers import PEERS, run_peer
from benchmarks.provider_client import ProviderClient
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from benchmarks.slow_provider import (
    AT_ONCE,
    BATCH_SECONDS,
    DIMENSION,
    MAX_TEXTS,
    Faults,
    slow_provider,
)
from engine import Engine, Folder, Isolation, Settings
from engine.chunk_text import embedded_text
from engine.embedders import Embedder
from engine.index.embedded import embedded_postgres

CASES = {
    "nothing goes wrong": Faults(),
    "1 % of calls fail": Faults(error_rate=0.01),
    "429 above 4 at once": Faults(stands=4),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One run as the provider saw it; `seconds` are the caller's."""

    case: str
    who: str
    seconds: float
    embedding: float
    to_ideal: float
    to_script: float
    busy: float
    peak: int
    requests: int
    full: int
    failed: int
    refused: int
    texts: int
    repeated: int


class InstantEmbedder:
    """Has all vectors at once, and all of them are the same."""

    fingerprint = "instant/1"
    dimension = DIMENSION

    async def embed(self, texts: Sequence[str]) -> Any:
        return np.ones((len(texts), DIMENSION), np.float32)


class Bench:
    """A provider and a server that all contenders share, one after the other."""

    def __init__(self, url: str, server_dsn: str, tree: Path, home: Path) -> None:
        self._url = url
        self._server_dsn = server_dsn
        self._tree = tree
        self._home = home
        self._texts = home / "texts.json"

    async def pass_over_the_tree(self, dsn: str) -> float:
        async with ProviderClient(self._url) as embedder:
            return await self._pass(dsn, embedder)

    async def pass_with_instant_vectors(self, dsn: str) -> float:
        return await self._pass(dsn, InstantEmbedder())

    async def _pass(self, dsn: str, embedder: Embedder) -> float:
        settings = Settings(home=self._home, dsn=dsn, isolation=Isolation.INLINE, backoff_seconds=1)
        async with Engine.open(settings, embedder=embedder) as engine:
            realm = await engine.add_realm("tree", Folder(self._tree, include=["*.py"]))
            began = time.perf_counter()
            await (await realm.index()).finished()
            seconds = time.perf_counter() - began
        if not self._texts.exists():
            self._texts.write_text(json.dumps(await _texts(dsn)))
        return seconds

    async def straight_script(self, dsn: str) -> float:
        texts = json.loads(self._texts.read_text())
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await register_vector(connection)
        await connection.execute("CREATE TABLE straight (text text, embedding halfvec)")
        async with ProviderClient(self._url) as client:
            began = time.perf_counter()
            rows = await _embed_all(client, texts)
            await connection.copy_records_to_table("straight", records=rows)
            seconds = time.perf_counter() - began
        await connection.close()
        return seconds

    async def peer(self, name: str, dsn: str) -> float:
        return await run_peer(name, self._home.parent, dsn, self._url, self._texts)

    async def run(self, case: str, who: str) -> Row:
        async with httpx.AsyncClient(base_url=self._url) as control:
            await control.put("/faults", json=asdict(CASES[case]))
            dsn = await self._database()
            match who:
                case "widthwise":
                    seconds = await self.pass_over_the_tree(dsn)
                case "widthwise, instant vectors":
                    seconds = await self.pass_with_instant_vectors(dsn)
                case "straight script":
                    seconds = await self.straight_script(dsn)
                case _:
                    seconds = await self.peer(who, dsn)
            log = (await control.get("/log")).json()
        return _row(case, who, seconds, log)

    async def _database(self) -> str:
        """An empty one, so that nobody finds vectors."""
        connection = await asyncpg.connect(self._server_dsn)
        name = f"bench_{time.time_ns()}"
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return self._server_dsn.replace("@/widthwise?", f"@/{name}?")


async def _wait_for_no_disk(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER SYSTEM SET synchronous_commit = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def _texts(dsn: str) -> list[str]:
    """What the pass had embedded, in the order of its files."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT symbol, text FROM chunks ORDER BY version, ordinal")
    await connection.close()
    return list(dict.fromkeys(embedded_text(row["symbol"], row["text"]) for row in rows))


async def _embed_all(client: ProviderClient, texts: list[str]) -> list[tuple[str, HalfVector]]:
    """Eight at once, each batch again until it is answered."""
    batches: Iterator[list[str]] = iter(
        [texts[at : at + MAX_TEXTS] for at in range(0, len(texts), MAX_TEXTS)]
    )
    rows: list[tuple[str, HalfVector]] = []

    async def work() -> None:
        for batch in batches:
            vectors = await _insist(client, batch)
            rows.extend(zip(batch, map(HalfVector, vectors), strict=True))

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(work)
    return rows


async def _insist(client: ProviderClient, batch: list[str]) -> Any:
    while True:
        try:
            return await client.embed(batch)
        except httpx.HTTPStatusError:
            await anyio.sleep(BATCH_SECONDS)


def _row(case: str, who: str, seconds: float, log: dict[str, Any]) -> Row:
    return Row(
        case, who, seconds, log["seconds"], 0.0, 0.0, log["busy"], log["peak"], log["requests"],
        log["full"], log["failed"], log["refused"], log["texts"], log["repeated"],
    )  # fmt: skip


def ideal(case: str, texts: int) -> Row:
    """What the provider's own limits leave, however clever the caller."""
    faults, batches = CASES[case], -(-texts // MAX_TEXTS)
    at_once = faults.stands or AT_ONCE
    calls = round(batches / (1 - faults.error_rate))
    seconds = -(-calls // at_once) * BATCH_SECONDS
    failed = calls - batches
    full = texts // MAX_TEXTS + failed
    return Row(
        case, "ideal", seconds, seconds, 0.0, 0.0, at_once / AT_ONCE, at_once, calls, full, failed,
        0, texts, 0,
    )  # fmt: skip


async def measure(tree: Path, home: Path, *, rounds: int, peers: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    with slow_provider() as url:
        async with embedded_postgres(home) as dsn:
            await _wait_for_no_disk(dsn)
            bench = Bench(url, dsn, tree, home)
            await bench.run("nothing goes wrong", "widthwise")  # writes down the texts
            for case, faults in CASES.items():
                runs = ["widthwise", "widthwise, instant vectors", "straight script", *peers]
                if faults != Faults():
                    runs.remove("widthwise, instant vectors")
                found = {who: [await bench.run(case, who) for _ in range(rounds)] for who in runs}
                middle = [_median(found[who]) for who in runs]
                rows += _with_ratios([ideal(case, middle[0].texts), *middle])
    return rows


def _median(rows: list[Row]) -> Row:
    """The run whose embedding took the median time."""
    wanted = median(sorted(row.embedding for row in rows)[: len(rows) // 2 * 2 + 1])
    return min(rows, key=lambda row: abs(row.embedding - wanted))


def _with_ratios(rows: list[Row]) -> list[Row]:
    """The embedding of each against the ideal and against the whole of the straight script."""
    best = next(row.seconds for row in rows if row.who == "ideal")
    script = next(row.seconds for row in rows if row.who == "straight script")
    return [
        replace(row, to_ideal=row.embedding / best, to_script=row.embedding / script)
        for row in rows
    ]


def result(rows: Sequence[Row]) -> Result:
    found = figures(rows)
    asking = [row for row in found if row["requests"]]
    panels = [
        Panel(title=title, rows=asking, x="case", y=y, series="who", kind="bars")
        for title, y in (
            ("seconds from the first request to the last answer", "embedding"),
            ("requests", "requests"),
        )
    ]
    return Result(name="embedding", question=question(__doc__), rows=found, panels=panels)


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("tree", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    add_options(parser)
    options = parser.parse_args()
    peers = tuple(PEERS) if options.peers else ()
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o755)
        rows = anyio.run(lambda: measure(options.tree, home, rounds=options.rounds, peers=peers))
    publish(result(rows), options)


if __name__ == "__main__":
    main()
