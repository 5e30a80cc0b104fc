"""What a module offers to others. Holds nothing that its readers must not depend on."""

import hashlib
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias

from prewarm.compact import Compact

Key: TypeAlias = str
"""The canonical identity of a module inside its realm."""


@dataclass(frozen=True, slots=True, order=True)
class Symbol(Compact):
    """One name that a module defines.

    `name` is dotted inside the module (`QuerySet.filter`), `signature` is one line in a
    normal form: without body, comments, default formatting or position, so that it is
    equal for two sources that offer the same.
    """

    name: str
    kind: str
    signature: str


@dataclass(frozen=True, slots=True, order=True)
class ReExport(Compact):
    """A name that a module passes on from another one.

    `key` is the module it comes from, `source_name` the name there: `*` for all names
    (then `name` is `*` or the prefix they get), empty for the module itself.
    """

    name: str
    key: str
    source_name: str


@dataclass(frozen=True, slots=True)
class Definition:
    """The names, kinds, signatures and re-exports of one module.

    `dependencies` are the keys of the definitions that this one was computed from: it
    is invalid when one of them is. `detail` is whatever else a source wants readers to
    see, in a canonical text. Two definitions with equal fingerprints are
    interchangeable for every reader. A module that defines nothing is a valid, empty
    definition.
    """

    key: str
    symbols: tuple[Symbol, ...] = ()
    reexports: tuple[ReExport, ...] = ()
    dependencies: tuple[str, ...] = ()
    detail: str = ""
    _digest: str = field(default="", init=False, repr=False, compare=False)
    _by_name: dict[str, Symbol] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        # Computed when first asked for: most definitions are read for a few names.
        if not self._digest:
            object.__setattr__(self, "_digest", self._fingerprint())
        return self._digest

    def find(self, name: str) -> Symbol | None:
        """The symbol of this dotted name, the last one where a name is defined again."""
        if self._by_name is None:
            by_name = {symbol.name: symbol for symbol in self.symbols}
            object.__setattr__(self, "_by_name", by_name)
            return by_name.get(name)
        return self._by_name.get(name)

    def _fingerprint(self) -> str:
        # A sort by name alone keeps the order of what shares a name: `find` and whoever
        # follows a `*` go by it.
        symbols = sorted(self.symbols, key=attrgetter("name"))
        passed = sorted(self.reexports, key=attrgetter("name"))
        lines = [f"s\0{each.name}\0{each.kind}\0{each.signature}\n" for each in symbols]
        lines += [f"r\0{each.name}\0{each.key}\0{each.source_name}\n" for each in passed]
        content = "".join((*lines, "d\0", self.detail))
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
