"""What the engine asks of a language. A new language is one small file with this shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from prewarm import Compact, Symbol


@dataclass(frozen=True, slots=True)
class Declaration(Compact):
    """A symbol where it stands: `doc` is its documentation, lines count from 1, both inclusive."""

    symbol: Symbol
    doc: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Binding(Compact):
    """A name that a reference brings into scope.

    `name` is the name in the module referred to, `*` for all of them, empty for the
    module itself; `local` is what it is called here (`*` for all). `exported` says
    whether readers of this file can see it.
    """

    name: str
    local: str
    exported: bool


@dataclass(frozen=True, slots=True)
class Reference(Compact):
    """How a file names another (`django.db`, `..utils`, `./person`), with what it binds."""

    text: str
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk(Compact):
    """A piece of a file. Lines count from 1, both inclusive.

    `symbol` is the innermost symbol that encloses the whole piece, or empty. `names` are
    the dotted identifiers used in it whose first part is bound by a reference of the
    file (all identifiers, when the file has a `*` binding), sorted.
    """

    text: str
    start_line: int
    end_line: int
    symbol: str = ""
    kind: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis(Compact):
    """All that one parse of a file yields. Depends on nothing but its text and its key."""

    language: str
    declarations: tuple[Declaration, ...] = ()
    references: tuple[Reference, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    detail: str = ""
    diagnostics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link(Compact):
    """A binding resolved to a key: `local` means `name` of module `key` (see `Binding`)."""

    local: str
    key: str
    name: str
    exported: bool


@dataclass(frozen=True, slots=True)
class Resolution(Compact):
    """Where a reference leads.

    `links` are the bindings that were found inside the realm; `probes` are all keys that
    were looked for, hits and misses, sorted: a file that appears or disappears at one of
    them can change the answer, and no other can. Where all files of a folder were asked
    for, that question is one of them too, as `listing_of` writes it. `consulted` are
    files whose content decided (a `tsconfig.json`).
    """

    links: tuple[Link, ...] = ()
    probes: tuple[str, ...] = ()
    consulted: tuple[str, ...] = ()


class Tree(Protocol):
    """The files of a snapshot, as resolution sees them."""

    def __contains__(self, key: object, /) -> bool: ...

    def files_in(self, folder: str) -> Sequence[str]:
        """The keys of the files that stand directly in a folder, sorted."""

    def read(self, key: str) -> str | None:
        """The text of a configuration file, or nothing if it is missing or unreadable."""


class Language(Protocol):
    """Pure functions on text: no I/O, no state, the same answer in every process.

    `version` counts changes of its answers: entries made by another version are stale.
    """

    @property
    def name(self) -> str: ...
    @property
    def suffixes(self) -> frozenset[str]: ...
    @property
    def version(self) -> int: ...

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis: ...

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution: ...
