"""Who was computed from whom, for what a process holds or is loading. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from prewarm.definition import Key


@dataclass(eq=False, slots=True, kw_only=True)
class Node:
    """Something computed, or being computed, for `key` from `dependencies`."""

    key: Key
    dependencies: set[Key] = field(default_factory=set)


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
        for key in dependencies:
            node.dependencies.add(key)
            self._by_dependency.setdefault(key, set()).add(node)

    def disconnect(self, node: Node) -> None:
        for key in node.dependencies:
            nodes = self._by_dependency.get(key, set())
            nodes.discard(node)
            if not nodes:
                self._by_dependency.pop(key, None)
        node.dependencies.clear()

    def bequeath(self, node: Node) -> None:
        """Take a node away without cutting the way through it.

        What was computed from it counts from now on as computed from its dependencies.
        """
        inherited: Collection[Key] = tuple(node.dependencies)
        for heir in tuple(self._by_dependency.get(node.key, ())):
            if heir is not node:
                self.connect(heir, inherited)
        self.disconnect(node)
