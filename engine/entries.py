"""One file's entry: visited, or failed with its reason. Knows no order and no other visit."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping

import anyio.to_thread

from engine.discover import stored_stamp
from engine.executors import Executor
from engine.index.working import Candidate, FailedEntry, Working, WorkingEntry
from engine.modules import Module, Modules, ModuleUnusable
from engine.prepare_drafts import Prepared, prepared_drafts
from engine.slots import Slot
from engine.sources import Source, Stamp
from engine.visit import (
    DefinitionUnavailable,
    File,
    FileBroken,
    SlotTaker,
    Visit,
    VisitContext,
    Visitor,
    checked_visit,
    content_of,
    stored_document,
)
from engine.writing import Outcome
from prewarm import Definition, DefinitionCache, DefinitionError

log = logging.getLogger("widthwise.entries")


class Entries:
    """Makes the entries of one pass."""

    def __init__(
        self,
        source: Source,
        visitor: Visitor,
        executor: Executor,
        modules: Modules,
        cache: DefinitionCache,
        *,
        realm: str,
        recipe: str,
        embedder_id: int,
        stamps: Mapping[str, Stamp],
        max_file_bytes: int,
        content_hash: Callable[[str], str],
    ) -> None:
        self._source = source
        self._visitor = visitor
        self._takes_slot = isinstance(visitor, SlotTaker)
        self._executor = executor
        self._modules = modules
        self._cache = cache
        self._realm = realm
        self._recipe = recipe
        self._embedder_id = embedder_id
        self._stamps = stamps
        self._max_file_bytes = max_file_bytes
        self._content_hash = content_hash
        self.failed = 0

    async def visit(self, key: str, slot: Slot) -> Outcome:
        """One file's entry. Whatever goes wrong with it is its own error entry.

        The slot is for the visitor: before and after there is only work of our own.
        """
        module = self._modules.module(key)
        context = VisitContext(self._definition, self._content_hash, slot)
        try:
            return await self._entry(module, context, slot)
        except Exception as error:
            log.warning("visit of %s failed: %s: %s", key, type(error).__name__, error)
            retry = not isinstance(error, FileBroken)
            reason = f"{type(error).__name__}: {error}"
            read = self._read(module, context)
            probes = self._probes(module, read, context)
            return self._failure(module, reason, retry=retry, read=read, probes=probes)

    def failed_entry(self, key: str, reason: str) -> FailedEntry:
        """The entry of a file whose visit ended the process that made it.

        Without a `reason` what kept it from being read or parsed is one.
        """
        analysed = self._modules.module(key).analysed
        if not reason:
            return self._failure(
                self._modules.module(key), analysed.error or "", retry=analysed.retry
            )
        return self._failure(self._modules.module(key), reason, retry=True)

    async def adopt(
        self, working: Working, keys: Iterable[str], live_fingerprint: Callable[[str], str]
    ) -> set[str]:
        """Take over what unfinished passes have left of these files, where it is still right."""
        chosen: dict[str, Candidate] = {}
        for candidate in await working.candidates(sorted(keys)):
            now = {
                key: self._fingerprint(key) or live_fingerprint(key)
                for key in candidate.dependencies
            }
            contents = {key: self._content_hash(key) for key in candidate.contents}
            module = self._modules.module(candidate.key)
            inputs = self._inputs(module, now, contents)
            if candidate.key not in chosen and candidate.inputs == inputs:
                chosen[candidate.key] = candidate
        if chosen:
            await working.adopt(
                [(each, stored_stamp(self._stamps[key])) for key, each in chosen.items()]
            )
        return set(chosen)

    async def _entry(self, module: Module, context: VisitContext, slot: Slot) -> Outcome:
        analysed = module.analysed
        if analysed.error is not None:
            return self._failure(module, analysed.error, retry=analysed.retry)
        # What memory has had to let go comes back in one query, not in one for each.
        if edges := module.edges:
            await self._cache.get_many(edges, limit=1)
        visit = checked_visit(await self._visited(self._file(module), context, slot))
        read = self._read(module, context)
        chunks = await prepared_drafts(self._executor, analysed.key, visit.chunks)
        return WorkingEntry(
            analysed.key,
            analysed.content_hash,
            stored_stamp(self._stamps[analysed.key])._replace(size=analysed.size),
            analysed.language,
            self._fingerprint(analysed.key),
            tuple(read),
            self._probes(module, read, context),
            (*visit.diagnostics, *context.diagnostics),
            analysed.skipped,
            self._inputs(module, read, context.contents),
            chunks,
            None if visit.document is None else stored_document(visit.document),
            self._chunks_hash(chunks),
        )

    async def _visited(self, file: File, context: VisitContext, slot: Slot) -> Visit:
        if self._takes_slot:
            return await self._visitor.visit(file, context)
        async with slot:
            return await self._visitor.visit(file, context)

    def _read(self, module: Module, context: VisitContext) -> dict[str, str]:
        """The other files that the entry depends on, each with the fingerprint that it saw."""
        consulted = {key: self._fingerprint(key) for key in module.consulted}
        read = sorted((consulted | context.read).items())
        return {key: seen for key, seen in read if key != module.analysed.key}

    def _probes(
        self, module: Module, read: Iterable[str], context: VisitContext
    ) -> tuple[str, ...]:
        """Where a file that appears concerns this one, also where the visitor looked itself."""
        asked = {key for key in read if key not in self._stamps}
        asked.update(map(content_of, context.contents))
        return tuple(sorted(asked.union(module.probes))) if asked else module.probes

    def _inputs(
        self, module: Module, read: Mapping[str, str], contents: Mapping[str, str]
    ) -> bytes:
        """Identifies all that a visit is computed from: see `WorkingEntry.inputs`."""
        parts = [
            self._recipe,
            # What is too large has no hash, and says how large it is.
            f"{module.analysed.content_hash.hex()} {module.analysed.size}",
            repr((module.links, module.probes, module.consulted)),
            *(f"{key}={fingerprint}" for key, fingerprint in read.items()),
            *(f"{content_of(key)}={contents[key]}" for key in sorted(contents)),
        ]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).digest()

    def _chunks_hash(self, chunks: Prepared) -> bytes:
        """Identifies what stands in the index of the chunks: see `WorkingEntry.chunks_hash`."""
        parts = [self._recipe, str(self._embedder_id)]
        for each, prepared in chunks:
            numbers = each.start_line, each.end_line, len(each.uses), prepared.text_hash.hex()
            parts += (" ".join(map(str, numbers)), each.symbol, each.kind, *each.uses)
        # No text that can be stored holds a NUL character.
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()

    def _fingerprint(self, key: str) -> str:
        """Of what a file that was loaded in this pass defines; empty for others."""
        facts = self._modules.facts(key)
        return facts.fingerprint if facts else ""

    def _file(self, module: Module) -> File:
        analysed = module.analysed

        async def read() -> bytes:
            return await anyio.to_thread.run_sync(
                lambda: self._source.read(analysed.key, max_bytes=self._max_file_bytes)
            )

        return File(
            analysed.key,
            analysed.content_hash,
            analysed.size,
            analysed.language,
            analysed.diagnostics,
            module.links,
            module.open_chunks(),
            read,
            self._realm,
        )

    def _failure(
        self,
        module: Module,
        error: str,
        *,
        retry: bool,
        read: Iterable[str] = (),
        probes: tuple[str, ...] = (),
    ) -> FailedEntry:
        self.failed += 1
        analysed = module.analysed
        return FailedEntry(
            analysed.key,
            analysed.content_hash,
            stored_stamp(self._stamps[analysed.key]),
            analysed.language,
            self._fingerprint(analysed.key),
            error,
            retry,
            tuple(read),
            probes,
        )

    async def _definition(self, key: str) -> Definition:
        try:
            return await self._cache.get(key)
        except DefinitionError as error:
            facts = self._modules.facts(key)
            # A stored failure, of a file that was not loaded in this pass, names its exception.
            stored = error.reason.removeprefix(f"{ModuleUnusable.__name__}: {key}: ")
            reason = facts.error if facts and facts.error else stored
            raise DefinitionUnavailable(reason) from None
