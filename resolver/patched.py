"""An interned graph with some rows replaced, so that a small change costs little."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from resolver.interned import Interned
from resolver.keys import Key, is_plain

Changes: TypeAlias = Mapping[Key, tuple[Key, ...] | None]


@dataclass(frozen=True, slots=True)
class Row:
    """What a file wrote, and the numbers of all names under which that was looked for."""

    references: tuple[Key, ...]
    probes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Patched:
    """`rows` stand in for those of `interned`; a row that is `None` is a deleted key.

    Names that `interned` does not know are numbered behind its own, in `extra`. `namers`
    are the edges of `rows` the other way round. None of it is changed after it was made:
    an edit copies, at the cost of the rows replaced so far, not of the graph.
    """

    interned: Interned
    size: int
    rows: Mapping[int, Row | None] = field(default_factory=dict)
    extra: Mapping[Key, int] = field(default_factory=dict)
    extra_names: tuple[Key, ...] = ()
    namers: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def over(cls, interned: Interned) -> "Patched":
        """With nothing replaced yet."""
        return cls(interned, size=len(interned.index))

    @property
    def name_count(self) -> int:
        return self.interned.name_count + len(self.extra)

    def __contains__(self, key: object) -> bool:
        number = self.find(key) if isinstance(key, str) else None
        return number is not None and self.is_key(number)

    def find(self, name: Key) -> int | None:
        """The number of a key, or of a name that some file has looked for."""
        number = self.interned.find(name)
        return self.extra.get(name) if number is None else number

    def name(self, number: int) -> Key:
        known = self.interned.name_count
        return self.interned.name(number) if number < known else self.extra_names[number - known]

    def is_key(self, number: int) -> bool:
        if number in self.rows:
            return self.rows[number] is not None
        return number < len(self.interned.index)

    def probes(self, key: int) -> Sequence[int]:
        row = self.rows.get(key)
        return row.probes if row else self.interned.probes.row(key)

    def references(self, key: int) -> Sequence[Key]:
        """What a file wrote."""
        if row := self.rows.get(key):
            return row.references
        written = self.interned.references.get(key)
        return written or [self.interned.name(name) for name in self.interned.probes.row(key)]

    def namer_count(self, name: int) -> int:
        """How many files, at most, looked under this name."""
        replaced = len(self.namers.get(name, ()))
        known = name < self.interned.name_count
        return replaced + (self.interned.probed_by.degree(name) if known else 0)

    def probed_by(self, name: int) -> Iterator[int]:
        """The files that looked under this name."""
        if name < self.interned.name_count:
            rows = self.rows
            yield from (file for file in self.interned.probed_by.row(name) if file not in rows)
        yield from self.namers.get(name, ())

    def is_bent(self, file: int) -> bool:
        """Whether a file wrote anything that can mean another key than that of its name."""
        if row := self.rows.get(file):
            return not all(map(is_plain, row.references))
        return file in self.interned.references
