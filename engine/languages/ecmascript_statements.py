"""Import and export statements of JavaScript and TypeScript, one at a time."""

from collections.abc import Iterator

from tree_sitter import Node

from engine.languages.ecmascript_declared import name_of, text_of
from engine.languages.language import Binding

_WORDS = frozenset({"type", "typeof", "as", "comment", "ERROR"})


def source_of(statement: Node) -> str | None:
    """The module that a statement names, or nothing."""
    source = statement.child_by_field_name("source")
    if source is None:
        clause = _child(statement, "import_require_clause")
        source = None if clause is None else _child(clause, "string")
    return None if source is None else text_of(source)[1:-1]


def imported(statement: Node) -> Iterator[Binding]:
    """What an import binds; a module that is only run binds itself under no name."""
    clause = _child(statement, "import_clause") or _child(statement, "import_require_clause")
    if clause is None:
        yield Binding("", "", exported=False)
        return
    require = clause.type == "import_require_clause"
    for part in clause.named_children:
        if part.type == "identifier":
            yield Binding("" if require else "default", text_of(part), exported=False)
        elif part.type == "namespace_import":
            yield Binding("", text_of(_last(part)), exported=False)
        elif part.type == "named_imports":
            yield from (Binding(n, local, exported=False) for n, local in _specified(part))
    if not any(part.type != "named_imports" or _specified(part) for part in clause.named_children):
        yield Binding("", "", exported=False)


def passed_on(statement: Node) -> Iterator[Binding]:
    """What an export with a source passes on."""
    namespace, clause = _child(statement, "namespace_export"), _child(statement, "export_clause")
    if namespace is not None:
        yield Binding("", name_of(_last(namespace)), exported=True)
    elif clause is not None:
        names = _specified(clause)
        yield from (Binding(name, local, exported=True) for name, local in names)
        yield from () if names else (Binding("", "", exported=False),)
    else:
        yield Binding("*", "*", exported=True)


def export_list(statement: Node) -> list[tuple[str, str]]:
    """The local and the exported name of each entry in `export {...}`."""
    clause = _child(statement, "export_clause")
    return [] if clause is None else _specified(clause)


def _specified(clause: Node) -> list[tuple[str, str]]:
    found = []
    for specifier in clause.named_children:
        names = [child for child in specifier.children if child.type not in _WORDS]
        if specifier.type != "comment" and names:
            found.append((name_of(names[0]), name_of(names[-1])))
    return found


def _child(node: Node, kind: str) -> Node | None:
    return next((child for child in node.children if child.type == kind), None)


def _last(node: Node) -> Node | None:
    return node.named_children[-1] if node.named_child_count else None
