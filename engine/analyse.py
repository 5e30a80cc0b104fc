"""From a key to all that one parse yields. Runs in worker processes; knows no other file."""

import pickle
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.chunk_text import PreparedText, prepare_text
from engine.discover import content_hash
from engine.languages import (
    Chunk,
    Language,
    Reference,
    Undecodable,
    decode,
    language_named,
    language_of,
    looks_binary,
    looks_like_card,
)
from engine.sources import CardRealm, FileGone, FileTooLarge, Source, Unreadable
from prewarm import Compact, Symbol


class AnalyseRequest(NamedTuple):
    """What to read, and within which bounds."""

    source: Source
    key: str
    max_bytes: int
    chunk_chars: int


@dataclass(frozen=True, slots=True)
class Analysed(Compact):
    """One file as its own text tells it.

    At most one of `skipped` (nothing to index here, by design), `error` (a person should
    look) and `gone` is set. `retry` says whether the same content may do better later.
    `chunks` is a pickle, so that a process that only passes it on need not open it.
    """

    key: str
    content_hash: bytes = b""
    size: int = 0
    language: str = ""
    symbols: tuple[Symbol, ...] = ()
    references: tuple[Reference, ...] = ()
    detail: str = ""
    diagnostics: tuple[str, ...] = ()
    chunks: bytes = b""
    skipped: str | None = None
    error: str | None = None
    gone: bool = False
    retry: bool = False

    def open_chunks(self) -> list[tuple[Chunk, PreparedText]]:
        if not self.chunks:
            return []
        return pickle.loads(self.chunks)  # type: ignore[no-any-return]  # noqa: S301 - our own


# Their readers see all of them, so that every change of the text is one of the definition.
TRANSPARENT_LANGUAGES = frozenset({"json", "yaml", "toml"})


def analyse(request: AnalyseRequest) -> Analysed:
    """Read and parse one file. What is wrong with the file is part of the answer."""
    key = request.key
    try:
        content = request.source.read(key, max_bytes=request.max_bytes)
    except FileGone:
        return Analysed(key, gone=True)
    except FileTooLarge as large:
        reason = f"{large.size} bytes, over the limit of {request.max_bytes} bytes"
        return Analysed(key, size=large.size, skipped=reason)
    except Unreadable as unreadable:
        return Analysed(key, error=unreadable.reason, retry=True)
    return _analysed(request, content)


def _analysed(request: AnalyseRequest, content: bytes) -> Analysed:
    key = request.key
    language = language_of(key)
    read = Analysed(key, content_hash(content), len(content), language.name)
    if looks_binary(content):
        return _binary(read)
    try:
        text = decode(key, content)
    except Undecodable as undecodable:
        return replace(read, error=str(undecodable).removeprefix(f"{key}: "))
    if isinstance(request.source, CardRealm):
        language = _of_card_realm(language, text)
        read = replace(read, language=language.name)
    analysis = language.analyse(key, text, chunk_chars=request.chunk_chars)
    chunks = [(chunk, prepare_text(key, chunk.symbol, chunk.text)) for chunk in analysis.chunks]
    return replace(
        read,
        symbols=tuple(declaration.symbol for declaration in analysis.declarations),
        references=analysis.references,
        detail=read.content_hash.hex()
        if language.name in TRANSPARENT_LANGUAGES
        else analysis.detail,
        diagnostics=analysis.diagnostics,
        chunks=pickle.dumps(chunks, protocol=pickle.HIGHEST_PROTOCOL) if chunks else b"",
    )


def _of_card_realm(language: Language, text: str) -> Language:
    """Only a realm of cards has cards: the same document is plain JSON elsewhere."""
    is_card = language.name == "json" and looks_like_card(text)
    return language_named("card") if is_card else language


def _binary(read: Analysed) -> Analysed:
    """A picture is no mistake; a program with NUL bytes in it is one."""
    if read.language == "text":
        return replace(read, skipped="binary")
    return replace(read, error=f"binary content in a {read.language} file")
