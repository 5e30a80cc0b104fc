"""Who was computed from whom, for what a process holds or is loading. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prewarm.definition import Key

# An empty set takes 216 bytes, and most definitions are computed from nothing else.
NOTHING: Final[frozenset[Key]] = frozenset()


@dataclass(eq=False, slots=True, kw_only=True)
class Node:
    """Something computed, or being computed, for `key` from `dependencies`."""

    key: Key
    dependencies: frozenset[Key] = NOTHING


class Dependents:
    """The nodes by what they were computed from."""

    def __init__(self) -> None:
        self._by_dependency: dict[Key, set[Node]] = {}

    def reached_from(self, keys: Iterable[Key]) -> set[Key]:
        """The keys, and those of all nodes that were computed from them, transitively."""
        reached = set(keys)
        ahead = list(reached)
        while ahead:
            found = {node.key for node in self._by_dependency.get(ahead.pop(), ())} - reached
            reached |= found
            ahead.extend(found)
        return reached

    def connect(self, node: Node, dependencies: Iterable[Key]) -> None:
        added = frozenset(dependencies) - node.dependencies
        if not added:
            return
        node.dependencies |= added
        for key in added:
            self._by_dependency.setdefault(key, set()).add(node)

    def disconnect(self, node: Node) -> None:
        for key in node.dependencies:
            nodes = self._by_dependency.get(key, set())
            nodes.discard(node)
            if not nodes:
                self._by_dependency.pop(key, None)
        node.dependencies = NOTHING

    def bequeath(self, node: Node) -> None:
        """Take a node away without cutting the way through it.

        What was computed from it counts from now on as computed from its dependencies.
        """
        for heir in tuple(self._by_dependency.get(node.key, ())):
            if heir is not node:
                self.connect(heir, node.dependencies)
        self.disconnect(node)
