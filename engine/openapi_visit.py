"""What an operation's entry says of the schemas that it uses. Reads definitions only.

The descriptions of a schema are its own entry's: an operation shows names, types and
constraints, so that a change of prose concerns nobody else.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from engine.languages import Link
from engine.visit import DefinitionUnavailable, DraftChunk, File, Visit, VisitContext
from prewarm import Definition, Symbol

LANGUAGES = frozenset({"openapi-operation", "openapi-schema"})

# Schemas are spelled out inside schemas this deep, and read, so that their changes are
# seen, behind that.
MAX_DEPTH = 3
MAX_READ = 5_000

# What an operation shows of its schemas: so many pieces of so many characters.
MAX_PIECES = 6
PIECE_CHARS = 1_200

_NAME = re.compile(r"@([\w.-]+)", re.ASCII)
_Spelled = Callable[[re.Match[str]], str]


async def openapi_visit(file: File, context: VisitContext) -> Visit:
    """The part's own chunks and, for an operation, the shapes of the schemas that it uses."""
    own = tuple(
        DraftChunk(chunk.text, chunk.start_line, chunk.end_line, chunk.symbol, chunk.kind,
                   prepared=prepared)
        for chunk, prepared in file.chunks
    )  # fmt: skip
    if file.language != "openapi-operation" or not file.links:
        return Visit(own, file.diagnostics)
    offered, complete = await _everything_behind(file.links, context)
    cut = () if complete else (f"uses more than {MAX_READ} schemas; the rest is not followed",)
    return Visit((*own, *_shapes(own, file.links, offered)), (*file.diagnostics, *cut))


async def _everything_behind(
    links: tuple[Link, ...], context: VisitContext
) -> tuple[dict[str, Definition], bool]:
    """The definitions of all schemas that are reached, nearest first; whether that is all."""
    offered: dict[str, Definition] = {}
    todo = list(dict.fromkeys(link.key for link in links))
    seen = set(todo)
    for number, key in enumerate(todo):
        if number >= MAX_READ:
            return offered, False
        try:
            offered[key] = await context.definition(key)
        except DefinitionUnavailable:
            continue
        behind = {passed.key for passed in offered[key].reexports} - seen
        seen |= behind
        todo += sorted(behind)
    return offered, True


def _shapes(
    own: tuple[DraftChunk, ...], links: tuple[Link, ...], offered: Mapping[str, Definition]
) -> Iterator[DraftChunk]:
    symbol = own[0].symbol if own else ""
    for text, keys in _packed(links, offered):
        uses = tuple(f"{key}#" for key in keys)
        yield DraftChunk(text, 1, 1, symbol, "shape", uses)


def _packed(
    links: tuple[Link, ...], offered: Mapping[str, Definition]
) -> list[tuple[str, list[str]]]:
    """The shapes of the schemas that are named, several in one piece where they fit."""
    pieces: list[tuple[str, list[str]]] = []
    for link in links:
        shape = _Shape(offered).of(link.local, link.key)
        if pieces and len(pieces[-1][0]) + len(shape) < PIECE_CHARS:
            pieces[-1] = (f"{pieces[-1][0]}\n{shape}", [*pieces[-1][1], link.key])
        elif len(pieces) < MAX_PIECES:
            pieces.append((shape, [link.key]))
        else:
            break
    return pieces


class _Shape:
    """One schema in one line, those that it names inside it, until the line is full."""

    def __init__(self, offered: Mapping[str, Definition]) -> None:
        self._offered = offered
        self._left = PIECE_CHARS

    def of(self, name: str, key: str) -> str:
        written = self._written(name, key, ())
        return written if len(written) <= PIECE_CHARS else written[: PIECE_CHARS - 1] + "…"

    def _written(self, name: str, key: str, around: tuple[str, ...]) -> str:
        definition = self._offered.get(key)
        if definition is None or key in around or len(around) > MAX_DEPTH or self._left <= 0:
            return name
        behind = {passed.name: passed.key for passed in definition.reexports}

        def spelled(match: re.Match[str]) -> str:
            inner = match[1]
            if inner not in behind:
                return inner
            return self._written(inner, behind[inner], (*around, key))

        fields = []
        for symbol in definition.symbols:
            if self._left <= 0:
                fields.append("…")
                break
            self._left -= len(symbol.signature) + 2
            if symbol.kind == "field":
                fields.append(_NAME.sub(spelled, symbol.signature))
        return " ".join(filter(None, (name, self._head(definition, spelled), _braced(fields))))

    @staticmethod
    def _head(definition: Definition, spelled: _Spelled) -> str:
        head = next((each for each in definition.symbols if each.kind == "schema"), _NO_SYMBOL)
        return "" if head.signature in ("object", "any") else _NAME.sub(spelled, head.signature)


_NO_SYMBOL = Symbol("", "", "")


def _braced(fields: list[str]) -> str:
    return f"{{{', '.join(fields)}}}" if fields else ""
