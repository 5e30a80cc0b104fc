"""The named parts of a text, found by parsing it. Runs in worker processes; knows no index."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SIGNATURE_CHARS = 200

# So small that a heading or a key rarely shares a chunk with its neighbour, and not so small
# that a large file takes long.
_SECTION_CHARS = 12
_MOST_CHUNKS = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has a name. `signature` is one line, empty where a language has none."""

    symbol: str
    kind: str
    start_line: int
    end_line: int
    signature: str = ""


def parse_parts(work: tuple[str, str, str]) -> list[Part]:
    """The parts of a text by its language, its key and itself, in the order of their lines.

    Where nothing is declared, as in prose and data, these are sections and keys.
    """
    # A server imports this file to name the function, and no parser.
    from engine.languages import language_named  # noqa: PLC0415

    name, key, text = work
    language = language_named(name)
    # Nothing is cut here: chunks are not what is asked for.
    declared = language.analyse(key, text, chunk_chars=max(len(text), 1)).declarations
    if not declared:
        finest = max(_SECTION_CHARS, len(text) // _MOST_CHUNKS)
        chunks = language.analyse(key, text, chunk_chars=finest).chunks
        return merged(
            Part(each.symbol, each.kind, each.start_line, each.end_line) for each in chunks
        )
    parts = (
        Part(
            each.symbol.name,
            each.symbol.kind,
            each.start_line,
            each.end_line,
            each.symbol.signature[:MAX_SIGNATURE_CHARS],
        )
        for each in declared
    )
    return sorted(parts, key=lambda part: (part.start_line, -part.end_line))


def merged(pieces: Iterable[Part]) -> list[Part]:
    """One part for each name, from the first of its pieces to the last; none without a name."""
    found: dict[tuple[str, str], Part] = {}
    for piece in pieces:
        if piece.symbol:
            name = (piece.symbol, piece.kind)
            start = found[name].start_line if name in found else piece.start_line
            found[name] = Part(*name, start, piece.end_line)
    return list(found.values())
