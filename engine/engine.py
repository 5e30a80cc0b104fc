"""The door for programs: realms, their jobs, and search. Decides nothing itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.abc
import asyncpg

from engine.embedders import Embedder, open_embedder
from engine.errors import EntryNotFound, RealmExists, RealmNotFound
from engine.explain import Explanation, explain
from engine.index import live
from engine.index.database import open_database
from engine.index.live import Entry, PassRow, RealmRow, Totals
from engine.index.realm_lock import realm_lock
from engine.index.search import Hit, SearchFilter, register_embedder, search
from engine.index.sweep import sweep
from engine.invalidation import definitions_scope
from engine.job import Job
from engine.passes import run_pass
from engine.runner import Runner
from engine.settings import Settings
from engine.sources import Source, open_source
from engine.syntax_visitor import SyntaxVisitor
from engine.update import PassContext
from engine.visit import Visitor
from prewarm import PostgresDefinitions


@dataclass(frozen=True, slots=True)
class RealmStatus:
    """A realm as people want to see it. `running` counts the jobs of this process only."""

    realm: RealmRow
    totals: Totals
    last_pass: PassRow | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What an entry depends on, and what depends on it; keys, sorted."""

    key: str
    dependencies: tuple[str, ...]
    dependents: tuple[str, ...]


class Engine:
    """Keeps the indexes of realms true. Made by `Engine.open`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        embedder: Embedder,
        embedder_id: int,
        visitor: Visitor,
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._embedder = embedder
        self._embedder_id = embedder_id
        self._visitor = visitor
        self._sources: dict[str, Source] = {}
        self._runner = Runner(tasks, self._run, workers=settings.workers)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        embedder: Embedder | None = None,
        visitor: Visitor | None = None,
    ) -> AsyncIterator["Engine"]:
        """An engine for the length of the block; without `settings`, as the environment says.

        Jobs that run when the block ends are cancelled; the live indexes stay as they are.
        """
        settings = settings or Settings.from_environment()
        embedder = embedder or open_embedder(settings.embedder)
        async with open_database(dsn=settings.dsn, home=settings.home) as pool:
            embedder_id = await register_embedder(pool, embedder)
            await sweep(pool)
            async with _background() as tasks:
                yield cls(pool, settings, embedder, embedder_id, visitor or SyntaxVisitor(), tasks)

    async def add_realm(self, name: str, source: Source, *, replace: bool = False) -> "Realm":
        """The realm of this name over this source, made if it does not exist.

        Raises `RealmExists` if it has another source; with `replace` it gets this one, and
        the next pass makes its index that of the new source.
        """
        described = source.describe()
        if not await live.insert_realm(self._pool, name, described):
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

    async def search(
        self,
        text: str,
        *,
        realm: str | Sequence[str] | None = None,
        path: str | None = None,
        language: str | None = None,
        limit: int = 10,
    ) -> list[Hit]:
        """The chunks that answer `text` best, best first.

        `realm` narrows to one or several realms, `path` to keys that match a glob
        (`django/db/**`), `language` to one language. Every live chunk that passes the
        filters is considered; nothing is approximated.
        """
        names = [realm] if isinstance(realm, str) else realm
        ids = None if names is None else [(await self._row(name)).id for name in names]
        wanted = SearchFilter(realm_ids=ids, path=path, language=language)
        return await search(
            self._pool, self._embedder, self._embedder_id, text, wanted=wanted, limit=limit
        )

    async def status(self, realm: str) -> RealmStatus:
        row = await self._row(realm)
        return RealmStatus(
            row, await live.totals(self._pool, row.id), await live.last_pass(self._pool, row.id)
        )

    async def entry(self, realm: str, key: str) -> Entry:
        """A file's row in the live index; `EntryNotFound` if there is none."""
        row = await self._row(realm)
        entry = await live.find_entry(self._pool, row.id, key)
        if entry is None:
            raise EntryNotFound(realm, key)
        return entry

    async def entries(self, realm: str, *, after: str = "", limit: int = 100) -> list[Entry]:
        """A page of entries in key order, those behind the key `after`."""
        row = await self._row(realm)
        return await live.list_entries(self._pool, row.id, after=after, limit=limit)

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

    async def explain(self, realm: str, key: str) -> Explanation:
        """Why the last pass visited a file or spared it."""
        row = await self._row(realm)
        found = await explain(key, partial(live.find_explanation, self._pool, row.id))
        if not found.steps:
            await self.entry(realm, key)
        return found

    async def delete_realm(self, name: str) -> None:
        """Drop a realm with all that belongs to it; its source is not touched."""
        row = await self._row(name)
        async with self._pool.acquire() as connection:
            await live.delete_realm(connection, row.id)
        await PostgresDefinitions(
            self._pool, definitions_scope(row.id), version_of=lambda _: ""
        ).invalidate_all()
        self._sources.pop(name, None)

    async def sweep(self) -> int:
        """Clear away what passes that never ended left a day ago; done at each opening too."""
        return await sweep(self._pool)

    def index(self, realm: str, *, from_scratch: bool = False) -> Job:
        """Ask for a pass; joins the realm's pending job if there is one."""
        return self._runner.enqueue(realm, from_scratch=from_scratch)

    async def _row(self, name: str) -> RealmRow:
        row = await live.find_realm(self._pool, name)
        if row is None:
            raise RealmNotFound(name)
        return row

    async def _run(self, job: Job) -> None:
        row = await self._row(job.realm)
        async with realm_lock(self._pool, row.id, realm=row.name):
            context = PassContext(
                pool=self._pool,
                # Read again: a pass of another process may have swapped while this one waited.
                realm=await self._row(job.realm),
                source=self._sources.get(row.name) or open_source(row.source),
                embedder=self._embedder,
                embedder_id=self._embedder_id,
                visitor=self._visitor,
                settings=self._settings,
                tracker=job.tracker,
                ended=job.succeeded,
            )
            await run_pass(context, from_scratch=job.from_scratch)


@dataclass(frozen=True, slots=True)
class Realm:
    """A handle on one realm of an engine."""

    _engine: Engine
    name: str

    def __repr__(self) -> str:
        return f"<Realm {self.name!r}>"

    async def index(self, *, from_scratch: bool = False) -> Job:
        """Ask for a pass over the realm and return at once.

        `from_scratch` visits every file again; texts that have a vector keep it.
        """
        await self._engine.realm(self.name)
        return self._engine.index(self.name, from_scratch=from_scratch)

    async def search(
        self, text: str, *, path: str | None = None, language: str | None = None, limit: int = 10
    ) -> list[Hit]:
        return await self._engine.search(
            text, realm=self.name, path=path, language=language, limit=limit
        )

    async def status(self) -> RealmStatus:
        return await self._engine.status(self.name)

    async def delete(self) -> None:
        await self._engine.delete_realm(self.name)


@asynccontextmanager
async def _background() -> AsyncIterator[anyio.abc.TaskGroup]:
    """Tasks that end with the block, whose own error stays what it is.

    A task group would wrap it in a group of one, as if it were a task's.
    """
    failure: BaseException | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
