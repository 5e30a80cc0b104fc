"""The parts of OpenAPI documents, as their source writes them: line by line, and no JSON.

What begins at the left is said by the document's structure; prose is indented. `uses` and
`missing` lines name a schema and its key, `remote` ones what is not fetched.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.languages.chunks import Piece, as_chunks, chunk_text
from engine.languages.language import (
    Analysis,
    Binding,
    Declaration,
    Link,
    Reference,
    Resolution,
    Tree,
)
from engine.languages.probed_tree import ProbedTree
from engine.languages.ruler import Ruler
from prewarm import Symbol

_REFERENCE = re.compile(r"(uses|missing|remote) @([\w.-]+) (\S[^\r\n]*)", re.ASCII)
_OFFER = re.compile(r'(schema|field) ((?:"(?:[^"\\\n]|\\.)*"|[^:"\n])+?)(\??): ([^\r\n]*)')
_OPERATION = re.compile(r"([A-Z]+ \S[^\r\n]*)")
_IDENTIFIER = re.compile(r"operationId: (\S[^\r\n]*)")
_LONGEST_SYMBOL = 300
_FINE = {"uses"}


@dataclass(frozen=True, slots=True)
class OpenApiPart:
    """A schema defines its fields, and passes on the schemas that it names.

    So whoever reads a schema finds those behind it, and reads another definition when one
    of them appears or goes.
    """

    name: str
    suffixes: frozenset[str]
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode())
        lines = text.split("\n")
        declarations = tuple(_declarations(lines))
        symbol = _title(lines, declarations)
        kind = self.name.removeprefix("openapi-") if symbol else ""
        pieces = chunk_text(ruler, chunk_chars=chunk_chars)
        found = [match for line in lines if (match := _REFERENCE.fullmatch(line))]
        return Analysis(
            self.name,
            declarations,
            tuple(_reference(match) for match in found if match[1] != "remote"),
            as_chunks(ruler, [Piece(each.start, each.end, symbol, kind) for each in pieces]),
            diagnostics=tuple(_trouble(match) for match in found if match[1] not in _FINE),
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        probed = ProbedTree(tree)
        links = [
            Link(binding.local, reference.text, binding.name, binding.exported)
            for reference in references
            if reference.text in probed and reference.text != key
            for binding in reference.bindings
        ]
        return Resolution(tuple(links), tuple(sorted(probed.probes)))


OPERATION = OpenApiPart("openapi-operation", frozenset({".openapi-operation"}))
SCHEMA = OpenApiPart("openapi-schema", frozenset({".openapi-schema"}))


def _declarations(lines: Sequence[str]) -> Iterator[Declaration]:
    for number, line in enumerate(lines, 1):
        if match := _OFFER.fullmatch(line):
            kind, name, optional, written = match.groups()
            signature = written if kind == "schema" else f"{name}{optional}: {written}"
            symbol = Symbol(name[:_LONGEST_SYMBOL], kind, signature)
            yield Declaration(symbol, "", number, number)


def _title(lines: Sequence[str], declarations: Sequence[Declaration]) -> str:
    """The operation's own name, else its method and path; the schema's name."""
    schemas = (each.symbol.name for each in declarations if each.symbol.kind == "schema")
    named = (match[1] for line in lines if (match := _IDENTIFIER.fullmatch(line)))
    placed = (match[1] for line in lines if (match := _OPERATION.fullmatch(line)))
    found = next(schemas, None) or next(named, None) or next(placed, "")
    return found[:_LONGEST_SYMBOL]


def _reference(match: re.Match[str]) -> Reference:
    return Reference(match[3], (Binding("", match[2], exported=True),))


def _trouble(match: re.Match[str]) -> str:
    if match[1] == "missing":
        return f"refers to {match[3]}, which is not there"
    return f"refers to {match[3]}, which is not in the catalogue and is not fetched"
