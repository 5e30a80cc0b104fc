"""The rows of an unfinished pass, and the swap that makes them live.

A pass has a token, and the realm holds the token of the pass that may write; the job that
the pass is for holds the token of the claim. Every transaction here asks for both first, so
that a pass that was taken over changes nothing, however late it wakes up.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from pgvector import HalfVector

from engine.chunk_text import PreparedText
from engine.errors import PassFailed, StalePass
from engine.index.database import Connection, Queryable
from engine.index.sql import query
from engine.shortened_vector import chars_of, marked
from engine.sources import SourceFile, Stamp
from engine.visit import DraftChunk

# Whether a file was visited, why, the key that caused it, the names that matter. Those that
# were not are left out today; earlier versions named them too.
ExplanationRow = tuple[bool, str, str, list[str]]

# Called inside the transaction that makes a pass visible, with the new generation if there
# is one; what it raises undoes the swap.
Settle = Callable[[Connection, int | None], Awaitable[None]]

STALE = "the realm was deleted, or its job is another worker's now"

# History that is kept of each realm.
KEPT_PASSES = 50

ENTRY_COLUMNS = (
    "realm_id", "token", "key", "version", "content_hash", "size", "mtime_ns", "ctime_ns",
    "inode", "listed_at_ns", "language", "definition_fingerprint", "dependencies", "probes",
    "diagnostics", "skipped", "error", "retry", "chunk_count", "generation", "inputs",
    "document", "chunks_hash",
)  # fmt: skip

CHUNK_COLUMNS = (
    "realm_id", "version", "ordinal", "start_line", "end_line", "embedder_id", "text_hash",
    "symbol", "kind", "uses", "text", "terms", "embedding", "shortened_to",
)  # fmt: skip


class LiveChunks(NamedTuple):
    """The chunks that the live index has of a file: so many, under this version."""

    version: int
    chunk_count: int


class WorkingEntry(NamedTuple):
    """A visited file that is ready to be stored, but for the vectors of its chunks.

    `inputs` identifies all that the visit was computed from: with equal inputs a later
    pass may take the row over instead of visiting again. `chunks_hash` identifies what it came
    to: with an equal one the live index has the chunks already, and the entry `keeps` those and
    has none of its own.
    """

    key: str
    content_hash: bytes
    stamp: Stamp
    language: str
    definition_fingerprint: str
    dependencies: tuple[str, ...]
    probes: tuple[str, ...]
    diagnostics: tuple[str, ...]
    skipped: str | None
    inputs: bytes
    chunks: tuple[tuple[DraftChunk, PreparedText], ...]
    document: str | None = None
    chunks_hash: bytes | None = None
    keeps: LiveChunks | None = None

    @property
    def chunk_count(self) -> int:
        """How many the file has in the index once this is live."""
        return self.keeps.chunk_count if self.keeps else len(self.chunks)


class FailedEntry(NamedTuple):
    """A file whose visit failed; what its last good visit left stays.

    With `retry` every pass visits it again, else one in which something changes of what it
    read, or appears where it looked.
    """

    key: str
    content_hash: bytes
    stamp: Stamp
    language: str
    definition_fingerprint: str
    error: str
    retry: bool
    dependencies: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SwapOrder:
    """All that a swap changes beside the working rows."""

    recipe: str
    revision: str
    deleted: Sequence[str] = ()
    touched: Sequence[SourceFile] = ()


@dataclass(frozen=True, slots=True)
class Fence:
    """The claim that a pass writes under; see `engine.jobs`."""

    job_id: int
    claim_token: UUID


class Candidate(NamedTuple):
    """A row of an unfinished pass that a later pass may take over."""

    key: str
    token: UUID
    inputs: bytes
    dependencies: tuple[str, ...]
    contents: tuple[str, ...]


class Working:
    """One pass's own rows. Made by `begin`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        realm_id: int,
        token: UUID,
        fence: Fence,
        *,
        embedder_id: int,
        listed_at_ns: int,
        inherits: bool,
        keeps_chunks: bool = False,
    ) -> None:
        self._pool = pool
        self._realm_id = realm_id
        self._token = token
        self._fence = (realm_id, token, fence.job_id, fence.claim_token)
        self._embedder_id = embedder_id
        self._listed_at_ns = listed_at_ns
        # Whether passes before this one have left rows; after it has begun none adds any.
        self._inherits = inherits
        self._keeps_chunks = keeps_chunks
        # The hashes whose vectors wait in the database for this pass to write their chunks.
        self._waiting: set[bytes] = set()

    @property
    def token(self) -> UUID:
        """The pass's own."""
        return self._token

    @property
    def keeps_chunks(self) -> bool:
        """Whether a visit that comes to what is live leaves the chunks as they are."""
        return self._keeps_chunks

    @classmethod
    async def begin(
        cls,
        pool: asyncpg.Pool,
        realm_id: int,
        fence: Fence,
        *,
        embedder_id: int,
        listed_at_ns: int,
        keeps_chunks: bool = False,
    ) -> "Working":
        """Take the realm over from whichever pass had it.

        With `keeps_chunks` those of the live index stay where a visit comes to the same.
        `StalePass` if the realm is gone or the claim is no longer the job's.
        """
        token = uuid4()
        begun = await pool.fetchrow(
            query("begin_pass"), realm_id, token, fence.job_id, fence.claim_token
        )
        if begun is None:
            raise StalePass(STALE)
        return cls(
            pool,
            realm_id,
            token,
            fence,
            embedder_id=embedder_id,
            listed_at_ns=listed_at_ns,
            inherits=begun["inherits"],
            keeps_chunks=keeps_chunks,
        )

    async def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, HalfVector]:
        """The vectors that this embedder made before, for whichever file or realm."""
        rows = await self._pool.fetch(query("select_known_vectors"), hashes, self._embedder_id)
        self._waiting.update(row["text_hash"] for row in rows if row["waits"])
        return {
            row["text_hash"]: marked(row["embedding"], chars=row["shortened_to"]) for row in rows
        }

    async def keep_vectors(self, vectors: Mapping[bytes, HalfVector]) -> None:
        """Store vectors whose files can't be written yet; any later pass will find them.

        Not fenced: a vector is true whoever brings it, and this one has been paid for.
        """
        await self._pool.execute(
            query("insert_waiting_vectors"),
            self._embedder_id,
            list(vectors),
            list(vectors.values()),
            [chars_of(vector) for vector in vectors.values()],
        )
        self._waiting.update(vectors)

    async def knows_any(self) -> bool:
        return bool(await self._pool.fetchval(query("exists_embedded"), self._embedder_id))

    async def candidates(self, keys: Sequence[str]) -> list[Candidate]:
        """What unfinished passes of this realm left of these files, the newest first."""
        rows = await self._pool.fetch(
            query("select_candidates"), self._realm_id, self._token, list(keys)
        )
        return [
            Candidate(key, token, inputs, tuple(dependencies), tuple(contents))
            for key, token, inputs, dependencies, contents in rows
        ]

    async def adopt(self, adopted: Sequence[tuple[Candidate, Stamp]]) -> None:
        """Make these rows of unfinished passes rows of this one; one for each key."""
        async with self._fenced() as connection:
            done = await connection.execute(
                query("adopt_working_entries"),
                self._realm_id,
                self._token,
                self._listed_at_ns,
                [candidate.key for candidate, _ in adopted],
                [candidate.token for candidate, _ in adopted],
                [stamp.mtime_ns for _, stamp in adopted],
                [stamp.ctime_ns for _, stamp in adopted],
                [stamp.inode for _, stamp in adopted],
            )
            if done != f"UPDATE {len(adopted)}":
                raise PassFailed("visits of an earlier pass were cleared away; trying again")

    async def kept_chunks(self, entries: Sequence[WorkingEntry]) -> dict[str, LiveChunks]:
        """The files whose chunks the live index has already, as far as it may keep them."""
        comparable = [each for each in entries if each.chunks and each.chunks_hash]
        if not self._keeps_chunks or not comparable:
            return {}
        rows = await self._pool.fetch(
            query("select_kept_chunks"),
            self._realm_id,
            [entry.key for entry in comparable],
            [entry.chunks_hash for entry in comparable],
        )
        return {key: LiveChunks(version, count) for key, version, count in rows}

    async def write(
        self, entries: Sequence[WorkingEntry], vectors: Mapping[bytes, HalfVector]
    ) -> None:
        """Store visited files with their chunks; `vectors` are by text hash, for every chunk."""
        async with self._fenced() as connection:
            # Losing this transaction in a power cut costs a visit, not the truth.
            await connection.execute("SET LOCAL synchronous_commit TO off")
            versions = await _versions(connection, entries)
            await connection.copy_records_to_table(
                "chunks",
                columns=CHUNK_COLUMNS,
                records=[
                    self._chunk_row(version, ordinal, draft, prepared, vectors)
                    for version, entry in zip(versions, entries, strict=True)
                    for ordinal, (draft, prepared) in enumerate(entry.chunks)
                ],
            )
            await connection.copy_records_to_table(
                "working_entries",
                columns=ENTRY_COLUMNS,
                records=[
                    self._entry_row(version, entry)
                    for version, entry in zip(versions, entries, strict=True)
                ],
            )
            await self._release_vectors(connection, entries)

    async def write_failed(self, failed: Sequence[FailedEntry]) -> None:
        async with self._fenced() as connection:
            await connection.execute(
                query("insert_failed_entry"),
                self._realm_id,
                self._token,
                self._listed_at_ns,
                [entry.key for entry in failed],
                [entry.content_hash for entry in failed],
                [entry.stamp.size for entry in failed],
                [entry.stamp.mtime_ns for entry in failed],
                [entry.stamp.ctime_ns for entry in failed],
                [entry.stamp.inode for entry in failed],
                [entry.language for entry in failed],
                [entry.definition_fingerprint for entry in failed],
                [entry.error for entry in failed],
                [entry.retry for entry in failed],
                [json.dumps(entry.dependencies) for entry in failed],
                [json.dumps(entry.probes) for entry in failed],
            )

    async def touch(self, order: SwapOrder, settle: Settle) -> None:
        """Note that the live index was found true: newer stamps, no new generation."""
        async with self._fenced() as connection:
            await self._update_stamps(connection, order.touched)
            if self._inherits:
                await self._drop_inherited(connection)
                await connection.execute(query("delete_working_entries"), self._realm_id)
            await connection.execute(query("update_realm_checked"), self._realm_id, order.revision)
            await settle(connection, None)

    async def swap(self, order: SwapOrder, settle: Settle) -> None:
        """Make the working rows live; `settle` is told the new generation before the commit.

        One transaction, in which `settle` ends the job as well: readers see all of it or
        nothing. Raises `StalePass`, with nothing changed, if another pass has the realm.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            mine = (self._realm_id, self._token)
            generation = await connection.fetchval(query("fence_for_swap"), *mine)
            if generation is None:
                raise StalePass(STALE)
            deleted = list(order.deleted)
            await connection.execute(query("delete_replaced_chunks"), *mine, deleted)
            await connection.execute(query("delete_replaced_entries"), *mine, deleted)
            await connection.execute(query("insert_swapped_entries"), *mine, generation)
            if self._inherits:
                await self._drop_inherited(connection)
            await connection.execute(query("delete_working_entries"), self._realm_id)
            await self._update_stamps(connection, order.touched)
            await connection.execute(
                query("update_realm_swapped"),
                self._realm_id,
                generation,
                order.recipe,
                order.revision,
            )
            await connection.execute(query("notify_swapped"), str(self._realm_id))
            await settle(connection, generation)

    async def _drop_inherited(self, connection: Connection) -> None:
        await connection.execute(query("delete_working_chunks"), self._realm_id, self._token)

    async def finish(
        self,
        database: Queryable | None = None,
        *,
        error: str | None,
        report: Mapping[str, Any] | None = None,
        explanations: Mapping[str, ExplanationRow] | None = None,
    ) -> None:
        """Write the pass's line in the realm's history. Explanations are kept of one pass.

        On the connection of a swap it is part of that.
        """
        database = database or self._pool
        texts = [None if each is None else json.dumps(each) for each in (report, explanations)]
        await database.execute(query("finish_pass"), self._token, error, *texts)
        await database.execute(query("delete_old_passes"), self._realm_id, KEPT_PASSES)
        if error is None:
            await database.execute(query("forget_explanations"), self._realm_id, self._token)

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(query("fence"), *self._fence) is None:
                raise StalePass(STALE)
            yield connection

    async def _release_vectors(
        self, connection: Connection, written: Sequence[WorkingEntry]
    ) -> None:
        """The vectors that stand in chunks from now on need not wait any longer."""
        hashes = {prepared.text_hash for entry in written for _, prepared in entry.chunks}
        if released := self._waiting & hashes:
            await connection.execute(
                query("delete_waiting_vectors"), self._embedder_id, list(released)
            )
            self._waiting -= released

    async def _update_stamps(self, connection: Connection, touched: Sequence[SourceFile]) -> None:
        if touched:
            await connection.execute(
                query("update_stamps"),
                self._realm_id,
                self._listed_at_ns,
                [file.key for file in touched],
                [file.stamp.mtime_ns for file in touched],
                [file.stamp.ctime_ns for file in touched],
                [file.stamp.inode for file in touched],
            )

    def _entry_row(self, version: int, entry: WorkingEntry) -> tuple[Any, ...]:
        size, mtime_ns, ctime_ns, inode = entry.stamp
        return (
            self._realm_id, self._token, entry.key, version, entry.content_hash, size, mtime_ns,
            ctime_ns, inode, self._listed_at_ns, entry.language, entry.definition_fingerprint,
            entry.dependencies, entry.probes, entry.diagnostics, entry.skipped, None, False,
            entry.chunk_count, 0, entry.inputs, entry.document, entry.chunks_hash,
        )  # fmt: skip

    def _chunk_row(
        self,
        version: int,
        ordinal: int,
        draft: DraftChunk,
        prepared: PreparedText,
        vectors: Mapping[bytes, HalfVector],
    ) -> tuple[Any, ...]:
        vector = vectors[prepared.text_hash]
        return (
            self._realm_id, version, ordinal, draft.start_line, draft.end_line, self._embedder_id,
            prepared.text_hash, draft.symbol, draft.kind, draft.uses, draft.text, prepared.terms,
            vector, chars_of(vector),
        )  # fmt: skip


async def _versions(connection: Connection, entries: Sequence[WorkingEntry]) -> list[int]:
    """For each file the version it keeps, or a new one."""
    missing = sum(entry.keeps is None for entry in entries)
    new = iter(await connection.fetch(query("allocate_versions"), missing) if missing else ())
    return [entry.keeps.version if entry.keeps else next(new)[0] for entry in entries]
