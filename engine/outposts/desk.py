"""One pass as a process of a cluster sees it: visits files of it and writes their rows."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio

from engine.analyse import Analysed, AnalyseRequest, analyse
from engine.entries import Entries
from engine.executors import Executor
from engine.executors.executor import Item, Result
from engine.index import live
from engine.index.working import FailedEntry, WorkingEntry
from engine.invalidation import MAX_DEFINITIONS, SnapshotMoved
from engine.modules import Modules, ModuleUnusable, SnapshotTree
from engine.outposts.briefing import Briefing, Visited
from engine.outposts.repeatable import RepeatableWorking
from engine.pass_embedding import pass_embedding
from engine.slots import NOBODY, Slot, Slots
from engine.sources import Source
from engine.spool import Spool
from engine.writing import Outbox, Outcome, write_all
from prewarm import DefinitionCache, PostgresDefinitions

if TYPE_CHECKING:
    from engine.outposts.outpost import Outpost

# How often a visit that goes on asks whether anybody still wants it.
WATCH_SECONDS: Final = 1.0


class Desk:
    """Made of a briefing. Definitions that it has read stay for the next errand."""

    def __init__(self, outpost: "Outpost", briefing: Briefing) -> None:
        self._outpost = outpost
        self._briefing = briefing
        self._spool = Spool()
        self._working = _working(outpost, briefing)
        settings = outpost.settings
        self._modules = Modules(
            briefing.source,
            SnapshotTree(briefing.source, briefing.stamps, max_bytes=settings.max_file_bytes),
            _AsParsed(outpost.executor, self._parsed),
            self._spool,
            max_bytes=settings.max_file_bytes,
            chunk_chars=settings.chunk_chars,
            known=briefing.facts,
        )
        scope = live.definitions_scope(briefing.realm_id)
        self._cache = DefinitionCache(
            self._modules.load,
            store=PostgresDefinitions(outpost.pool, scope, version_of=self._version),
            max_entries=MAX_DEFINITIONS,
        )
        self._entries = Entries(
            briefing.source,
            outpost.visitor(briefing.terms.visitor),
            outpost.executor,
            self._modules,
            self._cache,
            realm=briefing.realm,
            recipe=briefing.terms.recipe,
            embedder_id=briefing.embedder_id,
            stamps=briefing.stamps,
            max_file_bytes=settings.max_file_bytes,
            content_hash=self._content_hash,
        )
        self.users = 0
        self.left_at = time.monotonic()

    @property
    def source(self) -> Source:
        return self._briefing.source

    def close(self) -> None:
        self._spool.close()

    async def visit(self, keys: Sequence[str]) -> Visited:
        """Visit the files one after the other; returns once their rows are committed.

        `StalePass` as soon as the pass has lost its claim, wherever the visit is.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            visited = await self._visit(keys)
            tasks.cancel_scope.cancel()
        return visited

    async def _watch(self) -> None:
        while True:
            await anyio.sleep(WATCH_SECONDS)
            await self._working.confirm()

    async def _visit(self, keys: Sequence[str]) -> Visited:
        outbox = Outbox()
        seconds: dict[str, float] = {}
        written: list[Outcome] = []
        outpost = self._outpost
        async with pass_embedding(
            outpost.embedder,
            outpost.executor,
            outpost.settings,
            self._working,
            breaker=outpost.breaker,
            on_the_way=outpost.on_the_way,
        ) as embedding:

            async def write() -> None:
                await write_all(outbox, self._working, embedding.vectors, written=written.extend)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                await self._load(keys)
                # One after the other: nobody else waits for it.
                slot = Slot(Slots(1), lambda: NOBODY)
                for key in keys:
                    began = time.perf_counter()
                    slot.begin(0)
                    outcome = await self._entries.visit(key, slot)
                    seconds[key] = time.perf_counter() - began
                    await outbox.put(outcome)
                outbox.close()
            texts = embedding.queue.statistics().texts
        failed = sum(isinstance(each, FailedEntry) for each in written)
        chunks = sum(len(each.chunks) for each in written if isinstance(each, WorkingEntry))
        return Visited(seconds, failed, chunks, texts)

    async def _load(self, keys: Sequence[str]) -> None:
        """Parse the files; `SnapshotMoved` if one is no longer what the pass knows of it.

        What they refer to comes in one query, where each visit would send its own.
        """
        async with anyio.create_task_group() as tasks:
            for key in keys:
                tasks.start_soon(self._load_one, key)
        facts = [self._modules.facts(key) for key in keys]
        edges = {edge for each in facts if each for edge in each.edges}
        await self._cache.get_many(sorted(edges), limit=1)

    async def _load_one(self, key: str) -> None:
        try:
            await self._modules.load(key)
        except ModuleUnusable:
            # What is wrong with it is its visit's to say.
            if key in self._modules.vanished:
                raise SnapshotMoved(key) from None
        facts, known = self._modules.facts(key), self._briefing.facts[key]
        # No hash means that it could not be parsed here, which need not be its fault.
        if facts and facts.content_hash not in (b"", known.content_hash):
            raise SnapshotMoved(key)

    def _parsed(self, key: str) -> Analysed | None:
        return self._outpost.parsed.pop(self._briefing.terms.token, key)

    def _content_hash(self, key: str) -> str:
        if key not in self._briefing.stamps:
            return ""
        found = self._briefing.facts.get(key) or self._briefing.recorded.get(key)
        return found.content_hash.hex() if found else ""

    def _version(self, key: str) -> str:
        """See `Invalidator`: of what the pass has not loaded, as the live index knows it."""
        found = self._briefing.facts.get(key) or self._briefing.recorded.get(key)
        return f"{found.content_hash.hex()}:{found.fingerprint}" if found else ""


def _working(outpost: "Outpost", briefing: Briefing) -> RepeatableWorking:
    return RepeatableWorking(
        outpost.pool,
        briefing.realm_id,
        briefing.terms.token,
        briefing.fence,
        embedder_id=briefing.embedder_id,
        listed_at_ns=briefing.listed_at_ns,
        # Which matters to who swaps.
        inherits=False,
        keeps_chunks=briefing.keeps_chunks,
    )


class _AsParsed:
    """An executor that parses no file which this process has parsed for the pass already."""

    def __init__(self, executor: Executor, parsed: Callable[[str], Analysed | None]) -> None:
        self._executor = executor
        self._parsed = parsed

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        if isinstance(item, AnalyseRequest) and (known := self._parsed(item.key)):
            assert function is analyse
            found: Any = known
            return found  # type: ignore[no-any-return]
        return await self._executor.run(function, item)
