"""An index to ask: filled with documents of one chunk each, or made from a folder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
from pgvector import HalfVector

from benchmarks.search_documents import Function
from engine import Engine, Folder, Settings
from engine.chunk_text import embedded_text, prepare_text
from engine.embedders import open_embedder
from engine.index import live
from engine.index.globs import glob_pattern
from engine.index.hit import Hit
from engine.index.question import Questions
from engine.index.search import register_embedder, search
from engine.index.search_filter import SearchFilter
from engine.index.search_statement import Ranking

ENTRY = {
    "content_hash": b"",
    "size": 0,
    "mtime_ns": 0,
    "ctime_ns": 0,
    "inode": 0,
    "listed_at_ns": 0,
    "language": "python",
    "definition_fingerprint": "",
    "dependencies": [],
    "probes": [],
    "diagnostics": [],
    "retry": False,
    "chunk_count": 1,
    "generation": 1,
}


@dataclass(frozen=True, slots=True)
class Index:
    """A realm, and what is looked at of it."""

    realm_id: int
    name: str
    embedder: str
    embedder_id: int
    path: str | None = None
    keys: Sequence[str] = field(default=(), repr=False)

    def key_of(self, at: int) -> str:
        """The key of what was `at` this place when it was filled."""
        return self.keys[at]

    def narrowed(self, path: str | None) -> "Index":
        return replace(self, path=path)

    def with_keys(self, keys: Sequence[str]) -> "Index":
        return replace(self, keys=keys)

    async def search(
        self, pool: asyncpg.Pool, question: str, ranking: Ranking, limit: int
    ) -> list[Hit]:
        wanted = SearchFilter(realms=[self.name], path=self.path)
        questions = Questions(open_embedder(self.embedder), self.embedder_id)
        page = await search(pool, questions, question, wanted=wanted, limit=limit, ranking=ranking)
        return page.hits

    async def readers(self, pool: asyncpg.Pool) -> Counter[str]:
        """How many files depend on each."""
        rows = await pool.fetch(
            "SELECT dependencies FROM entries WHERE realm_id = $1", self.realm_id
        )
        return Counter(key for row in rows for key in set(row["dependencies"]))

    async def chunks(self, pool: asyncpg.Pool) -> list[tuple[str, str]]:
        """Key, and symbol and text, of all chunks."""
        pattern = None if self.path is None else glob_pattern(self.path)
        rows = await pool.fetch(
            "SELECT key, symbol || E'\\n' || text AS text FROM chunks JOIN entries USING (version)"
            " WHERE entries.realm_id = $1 AND ($2::text IS NULL OR key ~ $2)"
            " ORDER BY key, ordinal",
            self.realm_id,
            pattern,
        )
        return [(row["key"], row["text"]) for row in rows]


async def indexed(address: str, pool: asyncpg.Pool, source: Path, embedder: str) -> Index:
    """A folder, indexed as any is."""
    settings = Settings(dsn=address, embedder=embedder)
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("questions", Folder(source), replace=True)
        await (await realm.index()).finished()
    return await opened(pool, "questions", embedder)


async def filled(
    pool: asyncpg.Pool, name: str, documents: Sequence[Function], embedder: str
) -> Index:
    """Each document as an entry of one chunk, as a visit would have left it."""
    await live.insert_realm(pool, name, {"kind": "folder"})
    index = await opened(pool, name, embedder)
    keys = [f"{at}.py" for at in range(len(documents))]
    first = 1 + await pool.fetchval("SELECT coalesce(max(version), 0) FROM entries")
    entries = [(index.realm_id, key, first + at, *ENTRY.values()) for at, key in enumerate(keys)]
    columns = ["realm_id", "key", "version", *ENTRY]
    await pool.copy_records_to_table("entries", records=entries, columns=columns)
    await pool.copy_records_to_table(
        "chunks", records=await chunk_rows(index, documents, first), columns=CHUNK
    )
    await pool.execute("ANALYZE entries, chunks")
    return index.with_keys(keys)


CHUNK = [
    *("realm_id", "version", "ordinal", "start_line", "end_line", "embedder_id", "text_hash"),
    *("symbol", "kind", "uses", "text", "terms", "embedding"),
]


async def chunk_rows(
    index: Index, documents: Sequence[Function], first: int
) -> list[tuple[object, ...]]:
    bodies = [embedded_text(each.symbol, each.text) for each in documents]
    vectors = await open_embedder(index.embedder).embed(bodies)
    rows: list[tuple[object, ...]] = []
    for at, (each, vector) in enumerate(zip(documents, vectors, strict=True)):
        ready = prepare_text(each.path, each.symbol, each.text)
        place = (index.realm_id, first + at, 0, 1, 1, index.embedder_id, ready.text_hash)
        rows.append((*place, each.symbol, "", [], each.text, ready.terms, HalfVector(vector)))
    return rows


async def opened(pool: asyncpg.Pool, name: str, embedder: str) -> Index:
    row = await live.find_realm(pool, name)
    assert row is not None
    return Index(row.id, name, embedder, await register_embedder(pool, open_embedder(embedder)))
