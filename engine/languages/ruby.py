"""Ruby: what a file declares and requires, where that leads, and how it is cut."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.languages.grammars import parsed
from engine.languages.language import Binding, Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined
from engine.languages.syntax_tables import Shape, Table, dotted, members, named, text_of
from engine.languages.tabled import Tabled

if TYPE_CHECKING:
    from tree_sitter import Node

_REQUIRE = re.compile(
    r"""^[ \t]*(?:begin[; ]+)?(require_relative|require|load|autoload[( ]+:\w+,)[( \t]*"""
    r"""(["'])([^"'#\n\\]{1,500})\2""",
    re.MULTILINE,
)
_ROOTS = ("lib", "spec", "test", "app")
_MOST_REFERENCES = 2_000
_ATTRIBUTES = frozenset({"attr_accessor", "attr_reader", "attr_writer"})


def _constant(node: "Node") -> Sequence[str]:
    left = node.child_by_field_name("left")
    return (text_of(left),) if left is not None and left.type == "constant" else ()


def _attributes(node: "Node") -> Sequence[str]:
    """`attr_reader :x` declares methods; other calls declare nothing that can be told."""
    method, listed = node.child_by_field_name("method"), node.child_by_field_name("arguments")
    if method is None or listed is None or text_of(method) not in _ATTRIBUTES:
        return ()
    return [text_of(each)[1:] for each in listed.named_children if each.type == "simple_symbol"]


def _singleton(node: "Node") -> Sequence[str]:
    """`def self.x` is called on what it stands in, `def Other.x` on that."""
    on = node.child_by_field_name("object")
    prefix = "" if on is None or on.type == "self" else f"{dotted(on)}."
    return [prefix + name for name in named(node)]


_TABLE = Table(
    shapes={
        "module": Shape("module", named, members),
        "class": Shape("class", named, members),
        "method": Shape("method"),
        "singleton_method": Shape("method", _singleton),
        "assignment": Shape("constant", _constant),
        "call": Shape("attribute", _attributes),
    },
    bodies=frozenset({"body_statement", "end", "block", "do_block"}),
    looked_into=frozenset(
        {"program", "body_statement", "singleton_class", "if", "unless", "then", "else", "begin"}
        | {"ERROR"}
    ),
    assigned=frozenset({"method", "singleton_method", "assignment"}),
)


def _references(root: "Node", key: str) -> Iterator[Reference]:
    """What is loaded is there for everybody, so it is passed on."""
    text = text_of(root)
    for match in _REQUIRE.finditer(text) if "require" in text or "load" in text else ():
        verb = "relative" if match[1] == "require_relative" else "require"
        yield Reference(f"{verb} {match[3]}", (Binding("*", "*", exported=True),))


def _resolve(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """Relative ones beside the file, others below `lib` and the like in the folders around.

    Constants that a framework loads by their names are not followed.
    """
    probed = ProbedTree(tree)
    links: dict[Link, None] = {}
    for reference in references[:_MOST_REFERENCES]:
        verb, _, path = reference.text.partition(" ")
        found = next(
            (each for each in _candidates(verb, path, folder_of(key)) if each in probed), key
        )
        for binding in reference.bindings if found != key else ():
            links[Link(binding.local, found, binding.name, binding.exported)] = None
    return Resolution(tuple(links), tuple(sorted(probed.probes)))


def _candidates(verb: str, path: str, folder: str) -> Iterator[str]:
    if path.startswith("/"):
        return
    name = path if path.endswith(".rb") else f"{path}.rb"
    places = [folder] if verb == "relative" else list(_load_path(folder, path))
    yield from (found for place in places if (found := joined(place, name)) is not None)


def _load_path(folder: str, path: str) -> Iterator[str]:
    if path.startswith("."):
        yield ""
        return
    for around in ancestors(folder):
        yield from (f"{around}/{root}" if around else root for root in _ROOTS)


RUBY = Tabled(
    "ruby",
    frozenset({".rb", ".rake", ".gemspec", ".ru"}),
    partial(parsed, "tree_sitter_ruby"),
    _TABLE,
    _references,
    _resolve,
)
