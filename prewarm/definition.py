"""What a module offers to others. Holds nothing that its readers must not depend on."""

import hashlib
from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = str
"""The canonical identity of a module inside its realm."""


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """One name that a module defines.

    `name` is dotted inside the module (`QuerySet.filter`), `signature` is one line in a
    normal form: without body, comments, default formatting or position, so that it is
    equal for two sources that offer the same.
    """

    name: str
    kind: str
    signature: str


@dataclass(frozen=True, slots=True, order=True)
class ReExport:
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
    fingerprint: str = field(init=False)
    _by_name: dict[str, Symbol] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self._fingerprint())
        object.__setattr__(self, "_by_name", {symbol.name: symbol for symbol in self.symbols})

    def find(self, name: str) -> Symbol | None:
        """The symbol of this dotted name, the last one where a name is defined again."""
        return self._by_name.get(name)

    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for symbol in sorted(self.symbols):
            digest.update(f"s\0{symbol.name}\0{symbol.kind}\0{symbol.signature}\n".encode())
        for passed in sorted(self.reexports):
            digest.update(f"r\0{passed.name}\0{passed.key}\0{passed.source_name}\n".encode())
        digest.update(b"d\0" + self.detail.encode())
        return digest.hexdigest()
