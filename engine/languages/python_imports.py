"""Read Python's import statements. Knows text and nodes, and nothing of files."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from engine.languages.grammars import grammar
from engine.languages.language import Binding, Reference

if TYPE_CHECKING:
    from tree_sitter import Node, Query

IMPORTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})

_TOKEN = re.compile(r"\w+|[.*,]")
_COMMENT = re.compile(r"#[^\r\n]*")
_IMPORT = re.compile(rb"import\b")
_FEW = 64
_DYNAMIC_IMPORT = re.compile(r"""\bimport_module\(\s*(["'])(\.*\w+(?:\.\w+)*)\1\s*\)""")


def references_in(statement: str, *, exported: bool) -> list[Reference]:
    """What one import statement refers to.

    `import a.b` binds the dotted `a.b`, as that is how the module is used.
    """
    words = _TOKEN.findall(_COMMENT.sub("", statement))
    if not statement.isascii():
        words = [unicodedata.normalize("NFKC", word) for word in words]
    if words[:1] == ["from"]:
        return _from_import(words[1:], exported=exported)
    return list(_plain_imports(words[1:], exported=exported))


def inner_imports(root: "Node", source: bytes) -> list["Node"]:
    """Import statements that may not stand at the top of a module, in the order of the source.

    Looking a place up in the tree costs its depth. So a text with many places, which may be
    made to be slow, is searched as a whole.
    """
    places = [match.start() for match in _IMPORT.finditer(source) if _is_inner(source, match)]
    if len(places) > _FEW:
        return _all_imports(root)
    found = (root.descendant_for_byte_range(place, place + 6) for place in places)
    return [each.parent for each in found if each and each.parent and each.parent.type in IMPORTS]


def _is_inner(source: bytes, match: re.Match[bytes]) -> bool:
    """Whether an import can start or continue here that does not start its line."""
    line = source[source.rfind(b"\n", 0, match.start()) + 1 : match.start()]
    return line[:1].isspace() or (bool(line) and (b":" in line or b";" in line))


def dynamic_imports(text: str) -> Iterator[Reference]:
    """`importlib.import_module("a.b")`, as far as the name is written out."""
    for match in _DYNAMIC_IMPORT.finditer(text) if "import_module(" in text else ():
        yield Reference(match[2], (Binding("", match[2].lstrip("."), exported=False),))


def _plain_imports(words: list[str], *, exported: bool) -> Iterator[Reference]:
    for clause in _clauses(words):
        dotted, alias = _aliased(clause)
        if dotted:
            yield Reference(dotted, (Binding("", alias or dotted, exported),))


def _from_import(words: list[str], *, exported: bool) -> list[Reference]:
    # A name must stand before it: `from import x` is an error.
    at = next((index for index, word in enumerate(words) if word == "import"), None)
    if not at:
        return []
    bindings = (_binding(clause, exported=exported) for clause in _clauses(words[at + 1 :]))
    return [Reference("".join(words[:at]), tuple(found for found in bindings if found))]


def _binding(clause: list[str], *, exported: bool) -> Binding | None:
    name, alias = _aliased(clause)
    return Binding(name, alias or name, exported) if name else None


def _aliased(clause: list[str]) -> tuple[str, str]:
    if "as" in clause[1:]:
        at = clause.index("as", 1)
        return "".join(clause[:at]), "".join(clause[at + 1 :])
    return "".join(clause), ""


def _clauses(words: list[str]) -> Iterator[list[str]]:
    clause: list[str] = []
    for word in [*words, ","]:
        if word != ",":
            clause.append(word)
        elif clause:
            yield clause
            clause = []


def _all_imports(root: "Node") -> list["Node"]:
    from tree_sitter import QueryCursor  # noqa: PLC0415 - loaded with the grammar

    found = QueryCursor(_query()).captures(root).get("import", [])
    return sorted(found, key=lambda node: node.start_byte)


@cache
def _query() -> "Query":
    from tree_sitter import Query  # noqa: PLC0415 - loaded with the grammar

    kinds = " ".join(f"({kind})" for kind in sorted(IMPORTS))
    return Query(grammar("tree_sitter_python"), f"[{kinds}] @import")
