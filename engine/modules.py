"""The files of one snapshot, parsed and resolved once. Knows no database and no pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.analyse import Analysed, AnalyseRequest, analyse
from engine.chunk_text import PreparedText
from engine.discover import content_hash
from engine.executors import Executor
from engine.languages import Chunk, Link, Resolution, decode, language_named
from engine.loaded_facts import Facts, LoadedFacts
from engine.sources import FileGone, FileTooLarge, Source, Unreadable
from engine.spool import Spool
from engine.visit import error_fingerprint
from prewarm import Compact, Definition, ReExport

# A configuration file is small; a larger one is not read for resolution.
MAX_CONFIGURATION_BYTES = 256 << 10


class ModuleUnusable(Exception):
    """A module has no definition, because it can't be read or parsed."""


@dataclass(frozen=True, slots=True)
class Module(Compact):
    """A file with its references resolved, as a visit needs it."""

    analysed: Analysed
    links: tuple[Link, ...]
    probes: tuple[str, ...]
    consulted: tuple[str, ...]

    @property
    def edges(self) -> tuple[str, ...]:
        keys = {link.key for link in self.links}.union(self.consulted)
        return tuple(sorted(keys - {self.analysed.key}))

    def as_visited(self) -> "Module":
        """Without what only the definition is made of, which is the most of many small objects."""
        analysed = replace(self.analysed, symbols=(), references=(), detail="")
        return Module(analysed, self.links, self.probes, self.consulted)

    def open_chunks(self) -> list[tuple[Chunk, PreparedText]]:
        return self.analysed.open_chunks()


class SnapshotTree:
    """The keys of a snapshot and its configuration files, as resolution asks for them.

    What is too large to be parsed is not read here either: nothing would tell of its
    changes. `rows` counts the keys, `read_hashes` are those of the contents that were read.
    """

    def __init__(self, source: Source, keys: Iterable[str], *, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = min(max_bytes, MAX_CONFIGURATION_BYTES)
        self.rows = {key: row for row, key in enumerate(keys)}
        self._folders: dict[str, list[str]] | None = None
        self._texts: dict[str, str | None] = {}
        self.read_hashes: dict[str, bytes] = {}

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def files_in(self, folder: str) -> Sequence[str]:
        if self._folders is None:
            self._folders = {}
            for key in sorted(self.rows):
                self._folders.setdefault(key.rpartition("/")[0], []).append(key)
        return self._folders.get(folder, ())

    def read(self, key: str) -> str | None:
        if key not in self._texts:
            self._texts[key] = self._text(key) if key in self.rows else None
        return self._texts[key]

    def _text(self, key: str) -> str | None:
        try:
            content = self._source.read(key, max_bytes=self._max_bytes)
            self.read_hashes[key] = content_hash(content)
            return decode(key, content)
        except (FileGone, FileTooLarge, Unreadable, ValueError):
            return None


class Modules:
    """Parses files through an executor and resolves what they refer to.

    What a visit will need waits in a spool, so that memory does not grow with the tree
    and no file is parsed twice in a pass. `loaded` is told of each.
    """

    def __init__(
        self,
        source: Source,
        tree: SnapshotTree,
        executor: Executor,
        spool: Spool,
        *,
        max_bytes: int,
        chunk_chars: int,
        loaded: Callable[["Module"], None] = lambda _: None,
        known: Mapping[str, Facts] = MappingProxyType({}),
    ) -> None:
        """`known` are facts of files that the pass has loaded in another process."""
        self._loaded = loaded
        self._source = source
        self._tree = tree
        self._executor = executor
        self._spool = spool
        self._bounds = (max_bytes, chunk_chars)
        self._facts = LoadedFacts(tree.rows)
        for key, facts in known.items():
            self._facts.put(key, facts)
        self.vanished: set[str] = set()

    def facts(self, key: str) -> Facts | None:
        """What stays in memory of a file that was loaded in this pass."""
        return self._facts.get(key)

    async def load(self, key: str) -> Definition:
        """Parse and resolve the file, and return what it offers to others.

        Raises `ModuleUnusable` if there is no such file, or none that can be parsed. One
        that is gone since the snapshot is noted in `vanished`.
        """
        if key not in self._tree:
            raise ModuleUnusable(f"{key}: no such file")
        module = await self._module(key)
        self._loaded(module)
        if module.analysed.gone:
            self.vanished.add(key)
            raise ModuleUnusable(f"{key}: vanished")
        self._spool.put(key, module.as_visited())
        definition = _definition(module)
        error = module.analysed.error
        fingerprint = definition.fingerprint if error is None else error_fingerprint(error)
        facts = Facts(module.analysed.content_hash, module.edges, fingerprint, error)
        self._facts.put(key, facts)
        if error is not None:
            raise ModuleUnusable(f"{key}: {error}")
        return definition

    def all_facts(self) -> Mapping[str, Facts]:
        """What stays in memory of each file that was loaded in this pass, by key."""
        return {key: facts for key in self._tree.rows if (facts := self._facts.get(key))}

    def module(self, key: str) -> Module:
        """A file that was loaded in this pass, as its visit needs it; `KeyError` if it was not."""
        return self._spool.get(key)  # type: ignore[no-any-return]

    async def _module(self, key: str) -> Module:
        """The file parsed and resolved. Whatever goes wrong with that is its error."""
        request = AnalyseRequest(self._source, key, *self._bounds)
        try:
            analysed = await self._executor.run(analyse, request)
            resolution = self._resolve(analysed)
        except Exception as error:
            failed = Analysed(key, error=f"{type(error).__name__}: {error}", retry=True)
            return Module(failed, (), (), ())
        return Module(analysed, resolution.links, resolution.probes, resolution.consulted)

    def _resolve(self, analysed: Analysed) -> Resolution:
        if not analysed.references:
            return Resolution()
        language = language_named(analysed.language)
        return language.resolve(analysed.references, analysed.key, self._tree)


def _definition(module: Module) -> Definition:
    return Definition(
        module.analysed.key,
        module.analysed.symbols,
        tuple(ReExport(link.local, link.key, link.name) for link in module.links if link.exported),
        detail=module.analysed.detail,
    )
