"""A language that is told by a table of its grammar and by what it refers to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.languages.chunks import as_chunks, chunk_tree
from engine.languages.grammars import syntax_error_line
from engine.languages.language import Analysis, Reference, Resolution, Tree
from engine.languages.names import names_bound_by
from engine.languages.ruler import Ruler
from engine.languages.syntax_tables import Table, declared_in

if TYPE_CHECKING:
    from tree_sitter import Node

Parse = Callable[[bytes], "Node"]
ReadReferences = Callable[["Node", str], Iterable[Reference]]
Resolve = Callable[[Sequence[Reference], str, Tree], Resolution]


def no_references(root: "Node", key: str) -> Iterable[Reference]:
    return ()


def nothing_resolved(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    return Resolution()


@dataclass(frozen=True, slots=True)
class Tabled:
    """One language; what does not parse is read around.

    `references` reads what a tree refers to, and gets the file's key with it.
    """

    name: str
    suffixes: frozenset[str]
    parse: Parse
    table: Table
    references: ReadReferences = no_references
    resolution: Resolve = nothing_resolved
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode(errors="replace"))
        root = self.parse(ruler.source)
        declared = declared_in(root, ruler, self.table)
        references = tuple(dict.fromkeys(self.references(root, key)))
        pieces = chunk_tree(ruler, root, spans=declared.spans, chunk_chars=chunk_chars)
        names = names_bound_by(references)
        line = syntax_error_line(root)
        return Analysis(
            language=self.name,
            declarations=tuple(declared.declarations),
            references=references,
            chunks=as_chunks(ruler, pieces, names=lambda text: names(text.replace("::", "."))),
            diagnostics=() if line is None else (f"syntax error near line {line}",),
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return self.resolution(references, key, tree)
