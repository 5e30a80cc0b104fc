"""What a job of this engine is: one pass over its realm. Knows no queue."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property

import anyio.to_thread

from engine.at_hand import at_hand
from engine.discover import changes
from engine.embedders import Embedder
from engine.embedding import Breaker, OnTheWay
from engine.errors import PermanentFailure, RealmNotFound, StalePass
from engine.executors import Elsewhere
from engine.index import live
from engine.index.database import Connection, Database
from engine.index.working import STALE, Fence
from engine.jobs import SUCCESS, Reach, Running, store
from engine.kept_records import KeptRecords
from engine.passes import run_pass
from engine.recipe import recipe
from engine.report import PassReport
from engine.settings import Settings
from engine.sources import KINDS, Source, SourceError, open_source
from engine.update import PassContext
from engine.visit import Visitor


class Indexing:
    """Runs passes with the parts of one engine. `sources` are those it was handed."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        embedder: Embedder,
        embedder_id: int,
        visitor: Visitor,
        sources: Mapping[str, Source],
        *,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._embedder = embedder
        self._embedder_id = embedder_id
        self._visitor = visitor
        self._sources = sources
        self._elsewhere = elsewhere
        self._records = KeptRecords()
        self._breaker = Breaker(base_seconds=settings.backoff_seconds)
        self._on_the_way = OnTheWay()

    @cached_property
    def recipe(self) -> str:
        return recipe(
            self._visitor,
            self._embedder,
            chunk_chars=self._settings.chunk_chars,
            max_file_bytes=self._settings.max_file_bytes,
        )

    def reach(self, *, only_handed: bool) -> Reach:
        """The realms that this process can index, or just those that it was handed."""
        handed = tuple(self._sources)
        return Reach(KINDS, handed, handed if only_handed else None, self.recipe)

    async def perform(self, running: Running) -> None:
        """The pass that a claimed job asks for; it ends the job with its swap."""
        claim = running.claim
        row = await live.find_realm(self._database.pool, claim.realm)
        if row is None or row.id != claim.realm_id:
            raise RealmNotFound(claim.realm)
        context = PassContext(
            pool=self._database.pool,
            realm=row,
            source=realm_source(row.name, row.source, self._sources),
            embedder=self._embedder,
            embedder_id=self._embedder_id,
            visitor=self._visitor,
            settings=self._settings,
            recipe=self.recipe,
            tracker=running.tracker,
            fence=Fence(claim.job_id, claim.token),
            records=self._records,
            breaker=self._breaker,
            on_the_way=self._on_the_way,
            settle=_settling(running),
            ended=running.succeeded,
            elsewhere=self._elsewhere,
        )
        await run_pass(context, from_scratch=claim.from_scratch)

    async def is_behind(self, name: str) -> bool:
        """Whether a pass over the realm would find something that the live index lacks.

        A file that can't be indexed is not news: it is tried again by the next pass.
        """
        row = await live.find_realm(self._database.pool, name)
        if row is None:
            return False
        if row.recipe != self.recipe:
            return True
        source = realm_source(row.name, row.source, self._sources)
        recorded = await live.recorded(self._database.pool, row.id)
        max_bytes = self._settings.max_file_bytes
        try:
            async with at_hand(source, self._settings, name=name) as here:
                snapshot = await anyio.to_thread.run_sync(here.snapshot)
                found = await anyio.to_thread.run_sync(
                    lambda: changes(snapshot, recorded, here, everything=False, max_bytes=max_bytes)
                )
        except SourceError:
            # The pass will say so, where people look for it.
            return True
        return bool(found.added or found.modified or found.deleted or found.problems)


def realm_source(name: str, description: Mapping[str, str], handed: Mapping[str, Source]) -> Source:
    """The object that was handed in, if it still is what the realm is made from."""
    found = handed.get(name)
    if found is not None and found.describe() == description:
        return found
    try:
        return open_source(description)
    except SourceError as error:
        raise PermanentFailure(f"{name}: {error}") from None


def _settling(running: Running) -> Callable[[Connection, PassReport], Awaitable[None]]:
    """What ends the job, in the transaction that makes its pass live."""
    claim = running.claim

    async def settle(connection: Connection, report: PassReport) -> None:
        state = await store.settle(
            connection,
            claim.job_id,
            claim.token,
            SUCCESS,
            report=report.as_json(),
            progress=running.tracker.progress(),
        )
        if state is None:
            raise StalePass(STALE)

    return settle
