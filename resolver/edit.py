"""Change a few files of a graph: their own rows, and those that now resolve elsewhere."""

from collections.abc import Collection, Container, Iterator

import numpy as np

from resolver.interned import Interned
from resolver.keys import Key, folder_of, is_plain, probes_until_hit
from resolver.patched import Changes, Patched, Row


def edited(old: Patched, changes: Changes) -> Patched:
    """The graph after some keys got other dependencies or, where these are `None`, went."""
    draft = _Draft(old, present=_Afterwards(old, changes))
    for key, references in changes.items():
        draft.replace(key, references)
    for file in set(_resolving_elsewhere(old, changes)):
        if (key := old.name(file)) not in changes:
            draft.replace(key, tuple(old.references(file)))
    return draft.finished()


def resolved(literal: Interned) -> Patched:
    """A graph whose dependencies were taken literally, after references were looked for."""
    bent = [number for name, number in literal.missing.items() if not is_plain(name)]
    old = Patched.over(literal)
    if not bent:
        return old
    draft = _Draft(old, present=frozenset(literal.index.keys.tolist()))
    files, _ = literal.probed_by.gather(np.array(bent, np.int32))
    for file in set(files.tolist()):
        draft.replace(literal.name(file), tuple(old.references(file)))
    return draft.finished()


def _resolving_elsewhere(old: Patched, changes: Changes) -> Iterator[int]:
    """The files for which it matters that a key comes or goes.

    Whoever could be affected has looked for that key: it was the hit, or one of the
    misses before it. A file that names keys plainly keeps its row whatever comes or
    goes, unless what went is a key that can also be read as a reference.
    """
    for key, references in changes.items():
        number = old.find(key)
        if number is None or old.is_key(number) == (references is not None):
            continue
        is_reference = not is_plain(key)
        yield from (f for f in old.probed_by(number) if is_reference or old.is_bent(f))


class _Afterwards:
    """Which keys there are once the changes are made."""

    def __init__(self, old: Patched, changes: Changes) -> None:
        self._old, self._changes = old, changes

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str) and key in self._changes:
            return self._changes[key] is not None
        return key in self._old


class _Draft:
    """A patched graph in the making: copies of the old one's parts, shared sets untouched."""

    def __init__(self, old: Patched, *, present: Container[Key]) -> None:
        self._old, self._present = old, present
        self._size = old.size
        self._rows = dict(old.rows)
        self._extra = dict(old.extra)
        self._extra_names = list(old.extra_names)
        self._namers: dict[int, frozenset[int] | set[int]] = dict(old.namers)

    def replace(self, key: Key, references: tuple[Key, ...] | None) -> None:
        if references is None and key not in self._old:
            return
        file = self._number(key)
        self._size += (references is not None) - (key in self._old)
        if former := self._rows.get(file):
            for name in former.probes:
                self._namers_of(name).discard(file)
        if references is None:
            self._rows[file] = None
            return
        row = self._rows[file] = Row(references, self._look_for(key, references))
        for name in row.probes:
            self._namers_of(name).add(file)

    def finished(self) -> Patched:
        return Patched(
            self._old.interned,
            size=self._size,
            rows=self._rows,
            extra=self._extra,
            extra_names=tuple(self._extra_names),
            namers={name: frozenset(files) for name, files in self._namers.items() if files},
        )

    def _look_for(self, key: Key, references: Collection[Key]) -> tuple[int, ...]:
        folder = folder_of(key)
        names: dict[Key, None] = {}
        for reference in references:
            names.update(dict.fromkeys(probes_until_hit(reference, self._present, base=folder)))
        return tuple(sorted(map(self._number, names)))

    def _number(self, name: Key) -> int:
        number = self._old.interned.find(name)
        if number is None:
            number = self._extra.get(name)
        if number is None:
            number = self._extra[name] = self._old.interned.name_count + len(self._extra)
            self._extra_names.append(name)
        return number

    def _namers_of(self, name: int) -> set[int]:
        """The files that name it, in a set that is this draft's own."""
        namers = self._namers.get(name, frozenset())
        if isinstance(namers, frozenset):
            namers = self._namers[name] = set(namers)
        return namers
