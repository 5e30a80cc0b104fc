"""Python: what a module declares and imports, and how it is cut. Knows no files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.languages.chunks import as_chunks, chunk_tree
from engine.languages.grammars import parsed, syntax_error_line
from engine.languages.language import Analysis, Reference, Resolution, Tree
from engine.languages.names import names_bound_by
from engine.languages.python_declarations import Declared, declared_in
from engine.languages.python_imports import dynamic_imports, inner_imports, references_in
from engine.languages.python_modules import resolve_imports
from engine.languages.ruler import Ruler

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class Python:
    """Modules and stubs of any Python version; what does not parse is read around."""

    name: str = "python"
    suffixes: frozenset[str] = frozenset({".py", ".pyi", ".pyw"})
    version: int = 2

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        source = text.encode()
        root = parsed("tree_sitter_python", source)
        ruler = Ruler(source)
        declared = declared_in(root, ruler)
        references = tuple(_references(root, source, declared, text))
        pieces = chunk_tree(ruler, root, spans=declared.spans, chunk_chars=chunk_chars)
        return Analysis(
            language=self.name,
            declarations=tuple(declared.declarations),
            references=references,
            chunks=as_chunks(ruler, pieces, names=names_bound_by(references)),
            detail=_detail(declared),
            diagnostics=_diagnostics(root),
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return resolve_imports(references, key, tree)


PYTHON = Python()


def _references(root: "Node", source: bytes, declared: Declared, text: str) -> Iterator[Reference]:
    at_top = set()
    for node in declared.imports:
        at_top.add(node.start_byte)
        yield from references_in(_text_of(node, source), exported=True)
    for node in inner_imports(root, source):
        if node.start_byte not in at_top:
            yield from references_in(_text_of(node, source), exported=False)
    yield from dynamic_imports(text)


def _text_of(node: "Node", source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode()


def _detail(declared: Declared) -> str:
    """`__all__`: it decides what `from module import *` brings, so readers depend on it."""
    if not declared.has_all:
        return ""
    return "__all__ " + ",".join(sorted(declared.all_names))


def _diagnostics(root: "Node") -> tuple[str, ...]:
    line = syntax_error_line(root)
    return () if line is None else (f"syntax error near line {line}",)
