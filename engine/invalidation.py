"""Which files a pass visits, and why. Knows definitions and recorded edges, visits nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import asyncpg

from engine.discover import Changes
from engine.index import live
from engine.languages import listing_of
from engine.modules import Modules
from engine.reasons import Reason, Why
from engine.visit import content_of
from prewarm import Definition, DefinitionCache, PostgresDefinitions, prewarm
from resolver import readers_of

# A reason names this many of the symbols that changed.
MAX_NAMES = 8

# Definitions that are held in memory, some 15 MB; the others are read from the store.
MAX_DEFINITIONS = 10_000

# So many files are parsed before the next are asked for: the answer holds all their definitions.
LOADED_AT_ONCE = 4_096

# In a large realm, a change that concerns few files is followed by asking who reads them, in so
# many rounds at most; otherwise it is cheaper to load all edges (10 ms of 2,818 files, where one
# edit of a file that 1,989 reach took 11 rounds and 590 ms).
FEW_FILES = 5_000
MAX_ROUNDS = 32
MAX_REACHED = 2_000


@dataclass(slots=True)
class Invalidation:
    """The files that are visited, each with its reason, and those that were spared."""

    visits: dict[str, Reason] = field(default_factory=dict)
    cut_off: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


class Invalidator:
    """Follows changes to all files that they concern.

    The definitions of what changed are loaded. Where one is another than the live index
    was made with, its recorded readers join, and so on until nothing moves: the rounds
    end because no file joins twice. A visit reads no further than definitions, and
    records each that it read, also behind re-exports, so direct readers are enough.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        realm_id: int,
        changes: Changes,
        modules: Modules,
        *,
        limit: int,
        expect: Callable[[int], None] = lambda _: None,
    ) -> None:
        """At most `limit` loads run at once; `expect` is told how many more are to come."""
        self._expect = expect
        self._pool = pool
        self._realm_id = realm_id
        self._changes = changes
        self._modules = modules
        self._limit = limit
        self._invalidation = Invalidation()
        self._changed_names: dict[str, tuple[str, ...]] = {}
        scope = live.definitions_scope(realm_id)
        self._live = PostgresDefinitions(pool, scope, version_of=self._live_version)
        self._cache = DefinitionCache(
            modules.load,
            store=PostgresDefinitions(pool, scope, version_of=self._version),
            max_entries=MAX_DEFINITIONS,
        )

    @property
    def cache(self) -> DefinitionCache:
        """The definitions as of this pass; warm, once `follow` has ended."""
        return self._cache

    def will_visit(self, key: str) -> bool:
        """Whether it is known by now that the file has to be visited."""
        return key in self._invalidation.visits

    async def follow(self) -> Invalidation:
        """Load what changed and whatever the visits will read."""
        result = self._invalidation
        gone = set(self._changes.went)
        if gone:
            await self._cache.invalidate(sorted(gone))
        readers = await self._readers(gone)
        frontier = readers | self._changes.reasons() | await self._probers()
        result.cut_off = await self._reached(frontier.keys(), gone)
        while frontier:
            result.visits |= frontier
            readers |= await self._readers(await self._load(frontier))
            frontier = {key: reason for key, reason in readers.items() if key not in result.visits}
        result.cut_off -= result.visits.keys()
        await self._warm_what_visits_read()
        self._name_what_was_read()
        self._tell_renamed_from_added()
        return result

    def live_fingerprint(self, key: str) -> str:
        """What the file defines according to the live index; empty if it is not in it."""
        known = self._changes.recorded.get(key)
        return known.definition_fingerprint if known else ""

    def content_hash(self, key: str) -> str:
        """What identifies the file's content as of this pass; empty if there is none."""
        if key not in self._changes.stamps:
            return ""
        found = self._modules.facts(key) or self._changes.recorded.get(key)
        return found.content_hash.hex() if found else ""

    async def _recorded(self, keys: Iterable[str]) -> dict[str, list[str]]:
        known = [key for key in keys if key in self._changes.recorded]
        return await live.dependencies(self._pool, self._realm_id, known) if known else {}

    async def _readers(self, keys: Iterable[str]) -> dict[str, Reason]:
        """Who read these files, by the live index; only files that are still there."""
        known = [key for key in keys if key in self._changes.recorded]
        if not known:
            return {}
        found = await live.readers(self._pool, self._realm_id, known)
        return {
            reader: Reason(Why.READ, read)
            for reader, read in found
            if reader in self._changes.stamps
        }

    async def _probers(self) -> dict[str, Reason]:
        """Files that looked for a key where something has appeared, or is gone."""
        if not self._changes.recorded:
            return {}
        appeared = [Reason(Why.APPEARED, key) for key in self._changes.appeared]
        moved = [*appeared, *(Reason(Why.WENT, key) for key in self._changes.went)]
        asked = {content_of(key): Reason(Why.READ, key) for key in self._edited()}
        asked |= {content_of(each.cause): each for each in moved}
        # Who listed a folder asked for whatever might be in it.
        asked |= {listing_of(each.cause): each for each in moved}
        asked |= {each.cause: each for each in moved}
        if not asked:
            return {}
        found = await live.probers(self._pool, self._realm_id, list(asked))
        present = self._changes.stamps.keys()
        changed = self._changes.reasons()
        return {key: asked[probe] for key, probe in found if key in present and key not in changed}

    def _edited(self) -> list[str]:
        """Files whose content may be another; none where all are visited anyway."""
        edited = (*self._changes.modified, *self._changes.again)
        return [] if self._changes.everything else list(edited)

    async def _reached(self, seeds: Set[str], gone: Set[str]) -> set[str]:
        """All others that read a seed, directly or through others."""
        if len(seeds) == len(self._changes.stamps):
            return set()
        if len(self._changes.recorded) <= FEW_FILES:
            return await self._reached_by_graph(seeds, gone)
        reached: set[str] = set()
        frontier = seeds | gone
        for _ in range(MAX_ROUNDS):
            found = await self._readers(frontier)
            frontier = found.keys() - reached - seeds
            reached |= frontier
            if not frontier:
                return reached
            if len(reached) > MAX_REACHED:
                break
        return await self._reached_by_graph(seeds, gone)

    async def _reached_by_graph(self, seeds: Set[str], gone: Set[str]) -> set[str]:
        """The same by loading all edges: for a change that concerns many files, or deep chains."""
        edges = await live.all_dependencies(self._pool, self._realm_id)
        return readers_of(edges, seeds | gone)

    async def _load(self, frontier: Mapping[str, Reason]) -> set[str]:
        """Parse files that will be visited; returns those that now define something else."""
        self._expect(len(frontier))
        keys = sorted(frontier)
        redefined: set[str] = set()
        for start in range(0, len(keys), LOADED_AT_ONCE):
            redefined |= await self._load_part(keys[start : start + LOADED_AT_ONCE])
        return redefined

    async def _load_part(self, keys: Sequence[str]) -> set[str]:
        before = await self._definitions_before(keys)
        await self._cache.invalidate(keys)
        report = await prewarm(keys, self._cache, limit=self._limit)
        self._invalidation.warnings.extend(reason for _, reason in report.failed)
        if self._modules.vanished:
            raise SnapshotMoved(min(self._modules.vanished))
        redefined = {key for key in keys if self._fingerprint(key) != self.live_fingerprint(key)}
        for key in redefined & before.keys():
            after = report.definitions.get(key)
            self._changed_names[key] = _difference(before[key], after)
        return redefined

    async def _definitions_before(self, keys: Iterable[str]) -> dict[str, Definition]:
        """What the live index was made with, as far as it is still stored."""
        known = [key for key in keys if key in self._changes.recorded]
        if not known:
            return {}
        found = await self._live.fetch(known)
        return {
            record.key: record.outcome
            for record in found.records
            if isinstance(record.outcome, Definition)
        }

    def _fingerprint(self, key: str) -> str:
        facts = self._modules.facts(key)
        return facts.fingerprint if facts else ""

    async def _warm_what_visits_read(self) -> None:
        """Recorded dependencies of the last good visit, and what new references lead to."""
        recorded = await self._recorded(self._invalidation.visits)
        wanted = {key for edges in recorded.values() for key in edges}
        for key in self._invalidation.visits:
            facts = self._modules.facts(key)
            wanted.update(facts.edges if facts else ())
        others = (wanted & self._changes.stamps.keys()) - self._invalidation.visits.keys()
        if others:
            self._expect(len(others))
            await prewarm(sorted(others), self._cache, limit=self._limit)

    def _name_what_was_read(self) -> None:
        """Say which of the changed symbols a reader refers to, where that can be told."""
        visits = self._invalidation.visits
        for key, reason in visits.items():
            changed = self._changed_names.get(reason.cause)
            if reason.why is Why.READ and changed:
                read = self._names_read(key, reason.cause)
                names = [n for n in changed if not read or n.split(".")[0] in read]
                visits[key] = replace(reason, names=tuple(names[:MAX_NAMES]))

    def _tell_renamed_from_added(self) -> None:
        """A new file with the content of one that is gone has moved; its vectors are found."""
        recorded = self._changes.recorded
        moved = {recorded[key].content_hash: key for key in self._changes.deleted}
        for key, reason in self._invalidation.visits.items():
            facts = self._modules.facts(key)
            if reason.why is Why.ADDED and facts and facts.content_hash in moved:
                self._invalidation.visits[key] = Reason(Why.RENAMED, moved[facts.content_hash])

    def _names_read(self, key: str, cause: str) -> set[str]:
        """The names that a file binds from another one; empty where it binds it as a whole."""
        names = {link.name for link in self._modules.module(key).links if link.key == cause}
        return set() if names & {"", "*"} else names

    def _version(self, key: str) -> str:
        """The content and the resolution that a definition must come from to be of use here.

        1. A pass sees b.py appear and stores that `from .b import *` in a.py leads to it.
        2. It is cancelled, and b.py goes again: for the live index nothing happened.
        So the content of a.py is not enough to tell its definition from that other one.
        """
        if facts := self._modules.facts(key):
            return f"{facts.content_hash.hex()}:{facts.fingerprint}"
        return "" if key in self._invalidation.visits else self._live_version(key)

    def _live_version(self, key: str) -> str:
        known = self._changes.recorded.get(key)
        return f"{known.content_hash.hex()}:{known.definition_fingerprint}" if known else ""


class SnapshotMoved(Exception):
    """A file is not what it was at its listing: the listing has to be made again."""


def _difference(before: Definition, after: Definition | None) -> tuple[str, ...]:
    """The names that came, went or have another signature, sorted."""
    old = set(before.symbols) | set(before.reexports)
    new = set(after.symbols) | set(after.reexports) if after else set()
    return tuple(sorted({each.name for each in old ^ new}))
