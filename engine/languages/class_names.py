"""The names in a text that are written like those of classes. Knows nodes, and no language."""

from typing import TYPE_CHECKING

from engine.languages.syntax_tables import text_of

if TYPE_CHECKING:
    from tree_sitter import Node


def capitalized_names(root: "Node", types: frozenset[str]) -> set[str]:
    """The texts of all nodes of these types that begin with a capital letter."""
    return {
        name
        for node in nodes_of(root, types)
        if (name := text_of(node))[:1].isupper() and name.isidentifier()
    }


def nodes_of(root: "Node", types: frozenset[str]) -> "list[Node]":
    """All nodes of these types, in the order of the source, however deep they stand."""
    found: list[Node] = []
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None and node.type in types:
            found.append(node)
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found
