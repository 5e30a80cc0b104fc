"""JavaScript and TypeScript, also with JSX or templates: definitions, references, chunks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.languages.chunks import as_chunks, chunk_tree
from engine.languages.ecmascript_cards import kept_classes, passed_from_outside, passing_types
from engine.languages.ecmascript_declared import Declared, Scope
from engine.languages.ecmascript_grammars import parse
from engine.languages.ecmascript_marks import SYNTAX_ERROR
from engine.languages.ecmascript_modules import resolve_modules
from engine.languages.ecmascript_requires import required
from engine.languages.ecmascript_spans import definition_spans
from engine.languages.ecmascript_templates import without_templates
from engine.languages.ecmascript_walk import read_surface
from engine.languages.grammars import syntax_error_line
from engine.languages.language import (
    Analysis,
    Binding,
    Declaration,
    Reference,
    Resolution,
    Tree,
)
from engine.languages.names import names_bound_by
from engine.languages.ruler import Ruler
from prewarm import Symbol

_REFERENCE_PATH = re.compile(
    r"""^///[ \t]*<reference[ \t]+path[ \t]*=[ \t]*["']([^"'\\\x00-\x1f]{1,500})["']""",
    re.MULTILINE,
)
_MODULE_SUFFIXES = (".mjs", ".cjs", ".mts", ".cts", ".gts", ".gjs")
_TEMPLATE_SUFFIXES = (".gts", ".gjs")


@dataclass(frozen=True, slots=True)
class EcmaScript:
    """One of the four. The key decides on the grammar, so each reads the others' files too.

    A syntax error is part of the definition: who reads such a module may not have all of it.
    """

    name: str
    suffixes: frozenset[str]
    version: int = 3

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode(errors="replace"))
        templates = key.endswith(_TEMPLATE_SUFFIXES)
        code = without_templates(ruler.source) if templates else ruler.source
        parsed = parse(key, code)
        loads = required(parsed, code)
        scope = Scope(code, ambient=key.endswith((".d.ts", ".d.mts", ".d.cts")))
        surface = read_surface(parsed.root, scope, required=loads)
        surface.is_module |= key.endswith(_MODULE_SUFFIXES)
        references = (*_reference_paths(text), *surface.all_references(loads))
        pieces = chunk_tree(
            ruler, parsed.root, spans=definition_spans(parsed), chunk_chars=chunk_chars
        )
        line = syntax_error_line(parsed.root)
        passed, types = passing_types(references, parsed, ruler)
        shown = surface.declarations()
        kept = kept_classes(surface.locals, {each.name for each in shown}, parsed)
        outside = (Declaration(each, "", 1, 1) for each in passed_from_outside(references))
        return Analysis(
            language=self.name,
            declarations=(*_declarations((*shown, *kept), ruler), *types, *outside),
            references=passed,
            chunks=as_chunks(ruler, pieces, names=names_bound_by(_in_scope(references))),
            detail="" if line is None else SYNTAX_ERROR,
            diagnostics=() if line is None else (f"syntax error near line {line}",),
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return resolve_modules(references, key, tree)


JAVASCRIPT = EcmaScript("javascript", frozenset({".js", ".jsx", ".mjs", ".cjs"}))
GJS = EcmaScript("gjs", frozenset({".gjs"}))
GTS = EcmaScript("gts", frozenset({".gts"}))
TYPESCRIPT = EcmaScript(
    "typescript", frozenset({".ts", ".tsx", ".mts", ".cts", ".d.ts", ".d.mts", ".d.cts"})
)


def _declarations(found: Sequence[Declared], ruler: Ruler) -> Iterator[Declaration]:
    """The symbols with those inside of them, in the order of the source."""
    waiting = [(each, each.name) for each in reversed(found)]
    while waiting:
        each, name = waiting.pop()
        symbol = Symbol(name, each.kind, each.signature)
        start, end = ruler.line(each.start), ruler.line(max(each.start, each.end - 1))
        yield Declaration(symbol, each.doc, start, end)
        waiting.extend((inner, f"{name}.{inner.name}") for inner in reversed(each.members))


def _reference_paths(text: str) -> Iterator[Reference]:
    """The directives of a script: everything in the files they name is global here."""
    for match in _REFERENCE_PATH.finditer(text):
        path = match[1] if match[1].startswith((".", "/")) else f"./{match[1]}"
        yield Reference(path, (Binding("*", "*", exported=False),))


def _in_scope(references: Sequence[Reference]) -> Iterator[Reference]:
    """The references without the names that are only passed on and mean nothing here."""
    for each in references:
        bindings = tuple(
            binding
            for binding in each.bindings
            if not (binding.exported and binding.local in {"*", "default"})
        )
        yield Reference(each.text, bindings)
