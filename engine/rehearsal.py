"""Visits a realm's files at rising caps and keeps nothing. Knows no job, index or embedder.

A visit is by promise the same whenever it is made, so it can be made again; what it finds is
dropped. Nothing is read from the database and nothing written: definitions are held in memory,
no text is embedded, and the live index can't tell that this ran. A visitor that asks a service
asks it again, though, once more than there are caps. The history of passes would not do instead:
it has as many caps as somebody has tried, each with other files.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import anyio
import anyio.to_thread

from engine.at_hand import at_hand
from engine.entries import Entries
from engine.errors import WidthwiseError
from engine.executors import Executor, worker_processes
from engine.knee import Advice, Sample, Shape, advise
from engine.modules import Modules, SnapshotTree
from engine.settings import Settings
from engine.slots import Slot
from engine.sources import Snapshot, Source
from engine.spool import Spool
from engine.visit import Visitor
from engine.visit_all import visit_all
from prewarm import DefinitionCache, prewarm
from resolver import DependencyGraph, Plan, render_envelope, visit_concurrency

MAX_FILES: Final = 1_000
MAX_DEFINITIONS: Final = 50_000
CAPS: Final = (1, 2, 4, 8, 16)


class NothingToVisit(WidthwiseError):
    """A realm without files has no visits to measure."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured of a realm, and what to set. `visited` of its files were tried."""

    realm: str
    visited: int
    shape: Shape
    samples: tuple[Sample, ...]
    advice: Advice

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def tune(
    source: Source,
    visitor: Visitor,
    settings: Settings,
    *,
    realm: str,
    caps: Sequence[int] = CAPS,
    max_files: int = MAX_FILES,
) -> Tuning:
    """Visit up to `max_files` of the source once for each cap, and once before to warm up.

    The cap that is set is among them.

    Of a larger realm a file from each part of the order is taken; they wait for each other
    less than all do. Of caps that come to the same, for the graph and the tabs allow no more,
    the least is tried. Raises what the source raises if it can't be listed, and `NothingToVisit`.
    """
    async with at_hand(source, settings, name=realm) as here:
        snapshot = await anyio.to_thread.run_sync(here.snapshot)
        if not snapshot.files:
            raise NothingToVisit(f"{realm} has no files to visit")
        with Spool() as spool:
            async with worker_processes(settings.worker_processes) as executor:
                rehearsal = Rehearsal(here, snapshot, visitor, settings, executor, spool, realm)
                return await rehearsal.run(caps, max_files)


class Rehearsal:
    """The files of one snapshot, parsed once and visited again and again."""

    def __init__(
        self,
        source: Source,
        snapshot: Snapshot,
        visitor: Visitor,
        settings: Settings,
        executor: Executor,
        spool: Spool,
        realm: str,
    ) -> None:
        self._settings = settings
        self._realm = realm
        self._stamps = {file.key: file.stamp for file in snapshot.files}
        tree = SnapshotTree(source, self._stamps, max_bytes=settings.max_file_bytes)
        self._modules = Modules(
            source,
            tree,
            executor,
            spool,
            max_bytes=settings.max_file_bytes,
            chunk_chars=settings.chunk_chars,
        )
        self._cache = DefinitionCache(self._modules.load, max_entries=MAX_DEFINITIONS)
        self._entries = Entries(
            source,
            visitor,
            executor,
            self._modules,
            self._cache,
            realm=realm,
            recipe="",
            embedder_id=0,
            stamps=self._stamps,
            max_file_bytes=settings.max_file_bytes,
            content_hash=self._content_hash,
        )
        self._seconds: dict[str, float] = {}

    async def run(self, caps: Sequence[int], max_files: int) -> Tuning:
        graph = await self._graph()
        plan = graph.plan()
        chosen = _spread(plan.order, max_files)
        envelope = render_envelope(self._settings.prerender_tabs)
        # Caps that come to the same are one: the least of them.
        limits = {
            visit_concurrency(len(plan), plan.max_layer_width, envelope=envelope, cap=cap): cap
            for cap in sorted({*caps, self._settings.index_concurrency}, reverse=True)
        }
        # What a visitor keeps from one visit to the next is there for all runs alike.
        await self._visit(graph.plan(chosen), max(limits))
        samples = [
            await self._sample(graph.plan(chosen), cap, limit)
            for limit, cap in sorted(limits.items())
        ]
        shape = self._shape(plan, graph.plan(chosen), envelope)
        return Tuning(self._realm, len(chosen), shape, tuple(samples), advise(samples, shape))

    async def _graph(self) -> DependencyGraph:
        await prewarm(sorted(self._stamps), self._cache, limit=32 * self._settings.worker_processes)
        facts = {key: self._modules.facts(key) for key in self._stamps}
        return DependencyGraph({key: each.edges for key, each in facts.items() if each})

    async def _sample(self, plan: Plan, cap: int, limit: int) -> Sample:
        failed = self._entries.failed
        began, used = time.perf_counter(), time.process_time()
        await self._visit(plan, limit)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
        return Sample(cap, limit, seconds, cpu_seconds, self._entries.failed - failed)

    async def _visit(self, plan: Plan, limit: int) -> None:
        async def visit(key: str, slot: Slot) -> None:
            began = time.perf_counter()
            await self._entries.visit(key, slot)
            took = time.perf_counter() - began - slot.waited_seconds
            self._seconds[key] = min(took, self._seconds.get(key, took))

        await visit_all(plan, visit, limit=limit)

    def _shape(self, plan: Plan, chosen: Plan, envelope: int) -> Shape:
        chain = chosen.critical_path_by(self._seconds)
        return Shape(
            len(plan),
            plan.max_layer_width,
            chosen.topo_depth,
            sum(self._seconds[key] for key in chain),
            envelope,
            self._settings.index_concurrency,
        )

    def _content_hash(self, key: str) -> str:
        facts = self._modules.facts(key)
        return facts.content_hash.hex() if facts else ""


def _spread(keys: Sequence[str], limit: int) -> Sequence[str]:
    """So many of the keys at most, from all parts of their order."""
    return keys if len(keys) <= limit else keys[:: -(-len(keys) // limit)]
