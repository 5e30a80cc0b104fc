"""What depends on what. Keeps keys and edges, and answers what a change invalidates."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import isqrt
from typing import TYPE_CHECKING

from resolver.edit import edited, resolved
from resolver.intern import intern
from resolver.interned import Interned
from resolver.invalidation import invalidated, invalidated_few
from resolver.keys import Key
from resolver.patched import Patched
from resolver.plan import Plan
from resolver.selection import select, select_few
from resolver.settle import settled

if TYPE_CHECKING:
    import networkx

_FEW_KEYS = 1024
_KEYS_IN_REPR = 3


class DependencyGraph:
    """Which keys depend on which. A value: nothing changes it, `updated` makes another.

    A dependency is the key of exactly that name if there is one. Otherwise it is read
    as a reference (see `probes`): `a?x#y` means `a`, and in `cards/x.json` `./person`
    means `cards/person`, or what that is short for. What then leads to no key is
    missing: it makes no edge until such a key arrives, but it can be asked for by name.

    Large graphs are kept as arrays of numbers. An edit is laid over them; once enough
    edits lie there, or something asks for much of the graph, they are worked in.
    """

    __slots__ = ("_patched",)

    def __init__(self, dependencies: Mapping[Key, Iterable[Key]]) -> None:
        self._patched = Patched.over(settled(resolved(intern(dependencies))))

    @classmethod
    def from_networkx(cls, graph: "networkx.DiGraph[Key]") -> "DependencyGraph":
        """Every node is a key; an edge leads from a key to what it depends on."""
        if not graph.is_directed():
            raise ValueError("an undirected graph does not say what depends on what")
        return cls({key: tuple(graph.successors(key)) for key in graph})

    def to_networkx(self) -> "networkx.DiGraph[Key]":
        """Every key is a node; an edge leads from a key to what it depends on.

        Names that no key has are left out.
        """
        # Imported where it is needed: it takes longer than most plans.
        from networkx import DiGraph  # noqa: PLC0415

        graph: networkx.DiGraph[Key] = DiGraph()
        graph.add_nodes_from(self)
        graph.add_edges_from((key, other) for key in self for other in self.dependencies(key))
        return graph

    def dependencies(self, key: Key) -> tuple[Key, ...]:
        """The keys that a key depends on, sorted; itself among them if it says so."""
        patched = self._patched
        return _sorted_keys(patched, patched.probes(self._number(key)))

    def references(self, key: Key) -> tuple[Key, ...]:
        """The dependencies of a key as they were written, found or missing, sorted."""
        return tuple(sorted(set(self._patched.references(self._number(key)))))

    def dependents(self, name: Key) -> tuple[Key, ...]:
        """The keys that depend on a key, sorted.

        Of a name that is missing: those whose dependencies would change if it arrived.
        """
        number = self._patched.find(name)
        return (
            () if number is None else _sorted_keys(self._patched, self._patched.probed_by(number))
        )

    def invalidated_by(self, names: Iterable[Key]) -> set[Key]:
        """The keys among these, and all that depend on any of them, however remotely.

        A name may be missing: then it stands for those that looked for it. Costs by the
        size of the answer.
        """
        wanted = _listed(names)
        if len(wanted) <= self._few:
            found = invalidated_few(self._patched, wanted, most_edges=self._few)
            if found is not None:
                return found
        return invalidated(self._settle(), wanted)

    def updated(self, changes: Mapping[Key, Iterable[Key] | None]) -> "DependencyGraph":
        """The graph after some keys got these dependencies or, where `None`, were deleted.

        Equal to a graph made anew: a missing name becomes an edge when its key arrives,
        an edge is missing again when its key goes, and a key that is a better match
        takes over. Deleting a key that is not there changes nothing.
        """
        patched = edited(self._patched, {key: _written(row) for key, row in changes.items()})
        # An edit copies the edits before it, and working them in costs one pass over all
        # edges, so a number of them in the order of the root keeps the sum of both low.
        if len(patched.rows) > 256 + 2 * isqrt(patched.interned.probes.targets.size):
            patched = Patched.over(settled(patched))
        return self._of(patched)

    def plan(self, keys: Iterable[Key] | None = None) -> Plan:
        """Order these keys, dependencies first; without an argument, all keys.

        Names that are not keys are passed over, and dependencies that are not among the
        keys add nothing. Costs by the number of keys.
        """
        if keys is None:
            interned = self._settle()
            return Plan(interned.index.keys, interned.dependents)
        wanted = _listed(keys)
        if len(wanted) <= self._few:
            return Plan(*select_few(self._patched, wanted))
        return Plan(*select(self._settle(), wanted))

    def __len__(self) -> int:
        return self._patched.size

    def __contains__(self, key: object) -> bool:
        return key in self._patched

    def __iter__(self) -> Iterator[Key]:
        """The keys in code point order."""
        yield from self._settle().index.keys

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same keys, and each key names the same dependencies."""
        if not isinstance(other, DependencyGraph):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == others and self.references(mine) == other.references(others)
            for mine, others in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # equality reads the whole graph

    def __repr__(self) -> str:
        few = ", ".join(islice(self, _KEYS_IN_REPR))
        more = ", ..." if len(self) > _KEYS_IN_REPR else ""
        return f"<DependencyGraph of {len(self)} keys: {few}{more}>"

    @classmethod
    def _of(cls, patched: Patched) -> "DependencyGraph":
        graph = cls.__new__(cls)
        graph._patched = patched
        return graph

    @property
    def _few(self) -> int:
        """Up to so many keys, going one by one beats working all edits in first."""
        return max(_FEW_KEYS, len(self) // 16)

    def _settle(self) -> Interned:
        """Work all edits in, once. The graph means the same before and after."""
        if self._patched.rows:
            self._patched = Patched.over(settled(self._patched))
        return self._patched.interned

    def _number(self, key: Key) -> int:
        number = self._patched.find(key)
        if number is None or not self._patched.is_key(number):
            raise KeyError(f"{key} is not a key of this graph")
        return number


def _sorted_keys(patched: Patched, numbers: Iterable[int]) -> tuple[Key, ...]:
    return tuple(sorted(patched.name(number) for number in set(numbers) if patched.is_key(number)))


def _listed(keys: Iterable[Key]) -> list[Key]:
    if isinstance(keys, str):
        raise TypeError(f"expected a collection of keys, not the string {keys!r}")
    return list(keys)


def _written(references: Iterable[Key] | None) -> tuple[Key, ...] | None:
    return None if references is None else tuple(dict.fromkeys(_listed(references)))
