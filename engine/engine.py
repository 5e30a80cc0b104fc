"""The door for programs: realms, their jobs, and search. Decides nothing itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from asyncpg import Pool

from engine.embedders import Embedder
from engine.errors import BadSetting, EntryNotFound, RealmExists, RealmNotFound
from engine.executors import Elsewhere
from engine.explain import Explanation, explain
from engine.index import live
from engine.index.cards import CardEntry, find_cards
from engine.index.database import Connection
from engine.index.document_filter import Where, document_filter
from engine.index.file_text import StoredFile, read_stored_file
from engine.index.hit import Hit
from engine.index.lines import Lines, lines_of
from engine.index.live import Entry, PassRow, RealmRow
from engine.index.outline import USUAL_PARTS, Outline, outline_of
from engine.index.question import Questions
from engine.index.search import SearchPage, search
from engine.index.search_filter import SearchFilter
from engine.index.vector_index import may_need_tending, tend_vector_indexes
from engine.job import Job
from engine.jobs import (
    Census,
    JobState,
    Picture,
    clear,
    store,
    sweep_now,
    take_census,
    watch_jobs,
)
from engine.opening import Parts, Work, opened_parts
from engine.pace import patience_of
from engine.settings import Isolation, Settings
from engine.sources import KINDS, Source
from engine.status import RealmStatus
from prewarm import PostgresDefinitions

if TYPE_CHECKING:
    from engine.rehearsal import Tuning
    from engine.visit import Visitor


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What an entry depends on, and what depends on it; keys, sorted."""

    key: str
    dependencies: tuple[str, ...]
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of a file's definition would concern; `is_whole` if nothing is left out."""

    key: str
    keys: tuple[str, ...]
    is_whole: bool


class Engine:
    """Keeps the indexes of realms true. Made by `Engine.open`."""

    def __init__(self, parts: Parts) -> None:
        self._isolation = parts.isolation
        self._database = parts.database
        self._pool = parts.database.pool
        self._reading = parts.reading
        self._settings = parts.settings
        self._questions = Questions(parts.embedder, parts.embedder_id)
        self._sources = parts.sources
        self._executor = parts.executor
        self._queue = parts.queue
        self._worker = parts.worker
        self._visitor = parts.visitor

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        embedder: Embedder | None = None,
        visitor: "Visitor | None" = None,
        work: Work = Work.ANY,
        executor: Elsewhere | None = None,
    ) -> AsyncIterator["Engine"]:
        """An engine for the length of the block; without `settings`, as the environment says.

        Jobs that run when the block ends are given back, and go on where they were when the
        next worker takes them; the live indexes stay as they are. An `executor` opens what visits
        the files of a pass on other hosts: see `Settings.executor`.
        """
        settings = settings or Settings.from_environment()
        async with opened_parts(settings, embedder, visitor, work, executor) as parts:
            yield cls(parts)

    @property
    def settings(self) -> Settings:
        return self._settings

    async def add_realm(
        self, name: str, source: Source, *, replace: bool = False, tenant: str = ""
    ) -> "Realm":
        """The realm of this name over this source, made if it does not exist.

        Realms of one `tenant` share the workers fairly with those of others. Raises
        `RealmExists` if it has another source; with `replace` it gets this one, and the
        next pass makes its index that of the new source.
        """
        described = source.describe()
        if self._isolation is Isolation.PROCESS and described.get("kind") not in KINDS:
            raise BadSetting(
                f"realm {name!r}: jobs run in a process of their own, which can't open a source "
                f"of the kind {described.get('kind')!r}; use isolation=inline"
            )
        if not await live.insert_realm(self._pool, name, described, tenant=tenant):
            existing = await self._row(name)
            if existing.source != described and not replace:
                raise RealmExists(
                    f"realm {name!r} has another source: {existing.source}; "
                    "replace it, or choose another name"
                )
            await live.update_source(self._pool, existing.id, described)
        self._sources[name] = source
        return Realm(self, name)

    async def realm(self, name: str) -> "Realm":
        """A realm that exists; `RealmNotFound` otherwise."""
        return Realm(self, (await self._row(name)).name)

    async def realms(self) -> list["Realm"]:
        return [Realm(self, row.name) for row in await live.list_realms(self._pool)]

    async def find_realm(self, name: str) -> RealmRow:
        """A realm as it is stored: source, tenant, generation; `RealmNotFound` without one."""
        return await self._row(name)

    async def page_realms(
        self,
        *,
        names: Sequence[str] | None = None,
        tenants: Sequence[str] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[RealmRow]:
        """A page of realms by name, those behind `after`; of some names or tenants, if given."""
        return await live.page_realms(
            self._pool, names=names, tenants=tenants, after=after, limit=limit
        )

    async def search(
        self,
        text: str,
        *,
        realm: str | Sequence[str] | None = None,
        tenants: str | Sequence[str] | None = None,
        path: str | None = None,
        language: str | None = None,
        kind: str | Sequence[str] | None = None,
        type: str | None = None,  # noqa: A002 - what people call it
        where: Where | None = None,
        group: Literal["file"] | None = None,
        related: bool = False,
        limit: int = 10,
    ) -> list[Hit]:
        """The chunks that answer `text` best, best first; at most 1,000.

        `realm` narrows to one or several realms, `tenants` to those of one or several
        tenants, `path` to keys that match a glob (`django/db/**`), `language` to one
        language, `kind` to kinds of symbols (`class`), `type` and `where` to cards, as in
        `cards`. With `group="file"` each file is there once, by its best chunk; `related`
        adds definitions that a hit uses, and files that depend on it.

        Every chunk is compared while what passes the filters is small; above 20,000 chunks
        an index proposes the nearest, once there is one: see `tend_indexes`. When the
        embedder does not answer, the words of the question alone decide, and
        `search_problem` says why.
        """
        page = await self.search_page(
            text,
            realm=realm,
            tenants=tenants,
            path=path,
            language=language,
            kind=kind,
            type=type,
            where=where,
            group=group,
            related=related,
            limit=limit,
        )
        return page.hits

    async def search_page(
        self,
        text: str,
        *,
        realm: str | Sequence[str] | None = None,
        tenants: str | Sequence[str] | None = None,
        path: str | None = None,
        language: str | None = None,
        kind: str | Sequence[str] | None = None,
        type: str | None = None,  # noqa: A002 - what people call it
        where: Where | None = None,
        group: Literal["file"] | None = None,
        related: bool = False,
        limit: int = 10,
        cursor: str | None = None,
    ) -> SearchPage:
        """`search` in pages: with the `cursor` of a page, and all else as before, the next one.

        Pages continue each other as long as no realm that is searched has changed; then
        `IndexMoved` is raised. The last page, some hundred hits on, has no cursor. Raises
        `BadCursor` for one of another question.
        """
        wanted = SearchFilter(
            realms=_several(realm),
            tenants=_several(tenants),
            path=path,
            language=language,
            kinds=_several(kind),
            document=document_filter(type, where),
        )
        asked = partial(
            search,
            questions=self._questions,
            text=text,
            wanted=wanted,
            limit=limit,
            cursor=cursor,
            grouped=group == "file",
            related=related,
        )
        return await self._reading.read(asked)

    async def tend_indexes(self) -> list[str]:
        """Build the indexes of vectors that are due, and drop those of no use; their names.

        Workers do it after passes. It may take minutes, and nobody waits for it but who
        asks; while another process is at it, this one waits for its turn.
        """
        if self._database.lends:
            raise BadSetting(
                "an index is built in a session of its own, and the pooler has none to give; "
                "WIDTHWISE_SESSION_DSN can name a way around it"
            )
        if not await may_need_tending(self._pool):
            return []
        return [name for name, _ in await tend_vector_indexes(self._database.dsn, wait=True)]

    @property
    def search_problem(self) -> str:
        """Why the latest search had no vector to go by, only words; empty if it had one."""
        return self._questions.problem

    async def cards(
        self,
        realm: str,
        *,
        type: str | None = None,  # noqa: A002 - what people call it
        where: Where | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[CardEntry]:
        """A page of a realm's cards in key order, those behind the key `after`.

        `type` narrows to cards of a class or of one that extends it: `Person`, or
        `person.gts#Person` where several modules have one. `where` says what attributes
        must be: `{"age": ("gt", 30), "address.city": "Cairo"}`; the operators are eq, ne,
        gt, ge, lt, le, in and starts. Raises `BadFilter`.
        """
        wanted = document_filter(type, where)

        async def ask(pool: Pool) -> list[CardEntry]:
            row = await _row(pool, realm)
            return await find_cards(pool, row.id, wanted, after=after, limit=limit)

        return await self._reading.read(ask)

    async def status(self, realm: str) -> RealmStatus:
        """What is indexed, and the job that the realm is about."""
        return await self.status_of(await self._row(realm))

    async def status_of(self, row: RealmRow) -> RealmStatus:
        return RealmStatus(
            row,
            await live.totals(self._pool, row.id),
            await live.last_pass(self._pool, row.id),
            await store.current(self._pool, row.id),
        )

    async def entry(self, realm: str, key: str) -> Entry:
        """A file's row in the live index; `EntryNotFound` if there is none."""

        async def ask(pool: Pool) -> Entry:
            entry = await live.find_entry(pool, (await _row(pool, realm)).id, key)
            if entry is None:
                raise EntryNotFound(realm, key)
            return entry

        return await self._reading.read(ask)

    async def entries(self, realm: str, *, after: str = "", limit: int = 100) -> list[Entry]:
        """A page of entries in key order, those behind the key `after`."""

        async def ask(pool: Pool) -> list[Entry]:
            row = await _row(pool, realm)
            return await live.list_entries(pool, row.id, after=after, limit=limit)

        return await self._reading.read(ask)

    async def lines(self, realm: str, key: str, *, start: int = 1, end: int | None = None) -> Lines:
        """Lines of a file as it was indexed, from the index alone; 200 without an `end`.

        At most 1,000 lines or 40,000 characters: what is returned says where to go on, and
        whether it is proven to be the file's text. `EntryNotFound`, or `TextNotFound` for a
        file that has no lines there: a binary one, say.
        """
        return lines_of(await self._stored_file(realm, key), start=start, end=end)

    async def outline(
        self, realm: str, key: str, *, skip: int = 0, limit: int = USUAL_PARTS
    ) -> Outline:
        """What a file declares, with kinds, lines and signatures; at most 1,000 at a time.

        For prose and data these are sections and keys. Raises as `lines` does.
        """
        stored = await self._stored_file(realm, key)
        return await outline_of(stored, self._executor, skip=skip, limit=limit)

    async def realms_having(
        self, key: str, *, tenants: Sequence[str] | None = None, limit: int = 10
    ) -> list[str]:
        """The names of the realms, of some tenants if given, that have a file of this key."""
        asked = partial(live.realms_having, key=key, tenants=tenants, limit=limit)
        return await self._reading.read(asked)

    async def _stored_file(self, realm: str, key: str) -> StoredFile:
        async def ask(pool: Pool) -> StoredFile:
            return await read_stored_file(pool, (await _row(pool, realm)).name, key)

        return await self._reading.read(ask)

    async def errors(self, realm: str, *, limit: int = 100) -> list[tuple[str, str]]:
        """Keys and reasons of the files whose last visit failed."""
        row = await self._row(realm)
        return await live.error_entries(self._pool, row.id, limit=limit)

    async def neighbours(self, realm: str, key: str) -> Neighbours:
        """What a file reads of others, and who reads it."""
        entry = await self.entry(realm, key)
        row = await self._row(realm)
        readers = await live.readers(self._pool, row.id, [key])
        return Neighbours(key, entry.dependencies, tuple(reader for reader, _ in readers))

    async def passes(self, realm: str, *, limit: int = 20) -> list[PassRow]:
        """The latest passes over a realm, the newest first; the one that runs among them."""
        return await live.list_passes(self._pool, (await self._row(realm)).id, limit=limit)

    async def explain(self, realm: str, key: str) -> Explanation:
        """Why the last pass visited a file or spared it."""
        row = await self._row(realm)
        found = await explain(
            key,
            partial(live.explanations, self._pool, row.id),
            partial(live.dependencies_of_spared, self._pool, row.id),
        )
        if not found.steps:
            await self.entry(realm, key)
        return found

    async def delete_realm(self, name: str) -> None:
        """Drop a realm with all that belongs to it; its source is not touched."""
        row = await self._row(name)
        async with self._pool.acquire() as connection:
            await live.delete_realm(connection, row.id)
        await PostgresDefinitions(
            self._pool, live.definitions_scope(row.id), version_of=lambda _: ""
        ).invalidate_all()
        self._sources.pop(name, None)

    async def sweep(self) -> int:
        """Take the jobs of dead and stalled workers from them; returns how many there were.

        Also clears away what is old. Workers do both at their start and every so often.
        """
        patience = patience_of(self._settings)
        taken = await sweep_now(self._database.brisk, patience=patience)
        await clear(self._database.brisk, patience=patience)
        return taken

    async def index(
        self,
        realm: str,
        *,
        from_scratch: bool = False,
        priority: int = 0,
        delay_seconds: float = 0.0,
        connection: Connection | None = None,
        once: bytes | None = None,
    ) -> Job:
        """Ask for a pass and return at once; joins the realm's pending job if there is one.

        While one runs, exactly one waits, so that no edit is lost. Each point of `priority`
        is worth a minute of waiting. On the caller's own `connection`, to the same
        database, the request is part of its transaction: no worker sees the job before
        that is committed. A request with the key `once` of an earlier one, within a day,
        gets that one's job.
        """
        row = await self._row(realm)
        if once is not None:
            return await self._index_once(
                row, once, from_scratch=from_scratch, priority=priority, delay_seconds=delay_seconds
            )
        requests = await self._queue.enqueue(
            [row.id],
            from_scratch=from_scratch,
            priority=priority,
            delay_seconds=delay_seconds,
            connection=connection,
        )
        if not requests:
            raise RealmNotFound(realm)
        enqueued = requests[0]
        found = await self._queue.find(enqueued.job_id, connection=connection)
        return Job(self._queue, found, joined=enqueued.joined)

    async def _index_once(self, row: RealmRow, once: bytes, **asked: Any) -> Job:
        enqueued = await self._queue.enqueue_once(once, row.id, **asked)
        if enqueued is None:
            raise RealmNotFound(row.name)
        return Job(self._queue, await self._queue.find(enqueued.job_id), joined=enqueued.joined)

    async def job(self, job_id: int) -> Job:
        """A job by its id; `JobNotFound` if there is none."""
        return Job(self._queue, await self._queue.find(job_id))

    async def jobs(
        self,
        *,
        realm: str | None = None,
        states: Sequence[JobState] | None = None,
        tenants: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, the newest first; a page at a time, those before the id `before`."""
        rows = await self._queue.page(
            realm=realm, states=states, tenants=tenants, before=before, limit=limit
        )
        return [Job(self._queue, row) for row in rows]

    async def retry(self, job_id: int) -> Job:
        """Try a job again now: one that waits for its next attempt, or one that has ended."""
        job = await self.job(job_id)
        if job.state.is_end:
            return await self.index(job.realm, from_scratch=job.row.from_scratch)
        await self._queue.hurry(job_id)
        return await job.refresh()

    async def events(self) -> AsyncIterator[Job]:
        """Jobs as they come into a new state, in whichever process, from now on.

        Not a log: a reader that was away sees what comes next, with the state that is true
        then. Needs an engine that runs or watches jobs, not one opened with `Work.NONE`.
        """
        async for row in self._queue.events():
            yield Job(self._queue, row)

    def watch(
        self, *, tenants: Sequence[str] | None = None, since: datetime | None = None
    ) -> AsyncIterator[Picture]:
        """Pictures of what goes on with jobs, as often as it changes; see `watch_jobs`."""
        return watch_jobs(self._database, self._queue, tenants=tenants, since=since)

    async def impact(self, realm: str, key: str, *, limit: int = 1_000) -> Impact:
        """Files that would be looked at again if what `key` defines changed, nearest first.

        Goes from readers to their readers, until there are no more or `limit` is reached.
        """
        await self.entry(realm, key)
        row = await self._row(realm)
        found: dict[str, None] = {key: None}
        front = [key]
        while front and len(found) <= limit:
            readers = await live.readers(self._pool, row.id, front)
            front = [reader for reader, _ in readers if reader not in found]
            found.update(dict.fromkeys(front))
        del found[key]
        return Impact(key, tuple(found)[:limit], is_whole=len(found) <= limit)

    async def tune(
        self, realm: str, *, caps: Sequence[int] = (), max_files: int | None = None
    ) -> "Tuning":
        """Visit files of a realm at rising caps, and say what to set; see `engine.rehearsal`.

        Nothing is kept: the live index and the database stay as they are, and no text is
        embedded. With a visitor that asks a service, the service is asked.
        """
        from engine.indexing import realm_source  # noqa: PLC0415 - parsers, for those who parse
        from engine.rehearsal import CAPS, MAX_FILES, tune  # noqa: PLC0415 - the same
        from engine.syntax_visitor import SyntaxVisitor  # noqa: PLC0415 - the same

        row = await self._row(realm)
        return await tune(
            realm_source(row.name, row.source, self._sources),
            self._visitor or SyntaxVisitor(),
            self._settings,
            realm=row.name,
            caps=caps or CAPS,
            max_files=max_files or MAX_FILES,
        )

    async def census(self) -> Census:
        """How many jobs, workers, realms and files there are."""
        return await take_census(self._database.brisk)

    async def pause(self, realm: str) -> None:
        """No job of the realm is begun until `resume`; one that runs goes on."""
        await store.set_paused(self._pool, (await self._row(realm)).id, paused=True)

    async def resume(self, realm: str) -> None:
        await store.set_paused(self._pool, (await self._row(realm)).id, paused=False)

    def drain(self) -> None:
        """Begin no more jobs here; those that run go on to their end."""
        if self._worker is not None:
            self._worker.drain()

    async def _row(self, name: str) -> RealmRow:
        return await _row(self._pool, name)


async def _row(pool: Pool, name: str) -> RealmRow:
    row = await live.find_realm(pool, name)
    if row is None:
        raise RealmNotFound(name)
    return row


@dataclass(frozen=True, slots=True)
class Realm:
    """A handle on one realm of an engine."""

    _engine: Engine
    name: str

    def __repr__(self) -> str:
        return f"<Realm {self.name!r}>"

    async def index(
        self,
        *,
        from_scratch: bool = False,
        priority: int = 0,
        delay_seconds: float = 0.0,
        connection: Connection | None = None,
    ) -> Job:
        """Ask for a pass over the realm and return at once; see `Engine.index`.

        `from_scratch` visits every file again; texts that have a vector keep it.
        """
        return await self._engine.index(
            self.name,
            from_scratch=from_scratch,
            priority=priority,
            delay_seconds=delay_seconds,
            connection=connection,
        )

    async def search(
        self,
        text: str,
        *,
        path: str | None = None,
        language: str | None = None,
        kind: str | Sequence[str] | None = None,
        group: Literal["file"] | None = None,
        related: bool = False,
        limit: int = 10,
    ) -> list[Hit]:
        """The chunks of this realm that answer best; see `Engine.search`."""
        return await self._engine.search(
            text,
            realm=self.name,
            path=path,
            language=language,
            kind=kind,
            group=group,
            related=related,
            limit=limit,
        )

    async def status(self) -> RealmStatus:
        return await self._engine.status(self.name)

    async def delete(self) -> None:
        await self._engine.delete_realm(self.name)


def _several(names: str | Sequence[str] | None) -> Sequence[str] | None:
    return [names] if isinstance(names, str) else names
