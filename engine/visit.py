"""What a visitor is given and what it returns. A visitor computes one file's entry."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from engine.chunk_text import PreparedText
from engine.languages import Chunk, Link, Value
from prewarm import Definition


@dataclass(frozen=True, slots=True)
class DraftChunk:
    """A piece of an entry before it has a vector. Lines count from 1, both inclusive.

    `uses` names what the piece uses of other files, as `key#name signature`; it is shown
    with a hit and is not part of what is embedded. `prepared` spares the engine work
    where the text is that of a `File`'s own chunk.
    """

    text: str
    start_line: int
    end_line: int
    symbol: str = ""
    kind: str = ""
    uses: tuple[str, ...] = ()
    prepared: PreparedText | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One file's entry: its pieces in order, and what a person should know of it.

    `document` is what can be filtered by, see `Engine.cards`; most files have none.
    """

    chunks: tuple[DraftChunk, ...] = ()
    diagnostics: tuple[str, ...] = ()
    document: Mapping[str, Value] | None = None


class BadVisit(ValueError):
    """A visitor returned what can't be stored."""


MAX_LINE = 2**31 - 1


def checked_visit(visit: Visit) -> Visit:
    """The visit, if the database can hold it; else `BadVisit`, which is its file's error alone."""
    for text in visit.diagnostics:
        _check_text("a diagnostic", text)
    for number, chunk in enumerate(visit.chunks):
        for text in (chunk.text, chunk.symbol, chunk.kind, *chunk.uses):
            _check_text(f"chunk {number}", text)
        for line in (chunk.start_line, chunk.end_line):
            if not isinstance(line, int) or not 0 <= line <= MAX_LINE:
                raise BadVisit(f"chunk {number}: {line!r} is no line number")
    return visit


def stored_document(document: Mapping[str, Value]) -> str:
    """The document as JSON that Postgres takes; `BadVisit` if it can't."""
    try:
        text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadVisit(f"the document can't be stored: {error}") from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise BadVisit("the document holds a NUL character, which Postgres can't store")
    return text


def _check_text(where: str, text: str) -> None:
    if not isinstance(text, str):
        raise BadVisit(f"{where}: {type(text).__name__} where text is expected")
    if "\0" in text:
        raise BadVisit(f"{where}: holds a NUL character, which Postgres can't store")


@dataclass(frozen=True, slots=True)
class File:
    """The file that is visited, as it was read and parsed in this pass."""

    key: str
    content_hash: bytes
    size: int
    language: str
    diagnostics: tuple[str, ...]
    links: tuple[Link, ...]
    chunks: Sequence[tuple[Chunk, PreparedText]] = field(repr=False)
    _read: Callable[[], Awaitable[bytes]] = field(repr=False)
    realm: str = ""

    async def read(self) -> bytes:
        """The content as it is now, which may be newer than what was parsed."""
        return await self._read()


class VisitContext:
    """What a visit may ask of the other files. What it asks for is what it depends on.

    `slot` is for a `SlotTaker`.
    """

    def __init__(
        self,
        definition: Callable[[str], Awaitable[Definition]],
        content_hash: Callable[[str], str] = lambda _: "",
        slot: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        self.slot = slot or nullcontext()
        self._definition = definition
        self._content_hash = content_hash
        self._contents: dict[str, str] = {}
        self._definitions: dict[str, Definition] = {}
        self._read: dict[str, str] = {}
        self._unavailable: dict[str, str] = {}

    async def definition(self, key: str) -> Definition:
        """What the module at `key` offers; recorded as a dependency, also when it fails.

        Raises `DefinitionUnavailable` for a module that can't be read or parsed.
        """
        # A visit asks for the same few modules with every name that it looks up.
        if key in self._definitions:
            return self._definitions[key]
        try:
            definition = await self._definition(key)
        except DefinitionUnavailable as error:
            self._unavailable[key] = str(error)
            self._read[key] = error_fingerprint(str(error))
            raise
        self._read[key] = definition.fingerprint
        self._definitions[key] = definition
        return definition

    @property
    def read(self) -> dict[str, str]:
        """The keys whose definitions were asked for, each with the fingerprint of the answer."""
        return self._read

    def content(self, key: str) -> str:
        """What identifies all of the file at `key`, empty where there is none.

        For visits that go by more than definitions: any change of the file is then a reason
        to visit again, and so is that it appears.
        """
        self._contents[key] = self._content_hash(key)
        return self._contents[key]

    @property
    def contents(self) -> dict[str, str]:
        """The keys whose contents were asked for, each with the answer."""
        return self._contents

    @property
    def diagnostics(self) -> tuple[str, ...]:
        """What was asked for and can't be had, with the cause."""
        return tuple(
            f"reads {key}, which can't be used: {reason}"
            for key, reason in sorted(self._unavailable.items())
        )


def content_of(key: str) -> str:
    """The probe for all of the file at `key`, whatever it defines; no key ends like this."""
    return f"{key}/"


def error_fingerprint(error: str) -> str:
    """Readers note what is wrong with a module, so that another error is another definition."""
    return "error:" + hashlib.blake2b(error.encode(), digest_size=16).hexdigest()


class DefinitionUnavailable(Exception):
    """The definition of a module can't be had; the message says why."""


class FileBroken(Exception):
    """What a visitor raises for a file that it can't visit, and that no second try would mend.

    The file is visited again when it changes, when a definition that the visit asked for
    does, or when a file appears where one of its references looked.
    """


class Visitor(Protocol):
    """Computes entries. The same file and the same definitions must give the same visit.

    `fingerprint` names the visitor and its version: entries of another one are stale. An
    exception makes the entry an error entry and concerns no other file. Each pass tries
    such a file again, unless it is `FileBroken`.
    """

    @property
    def fingerprint(self) -> str: ...

    async def visit(self, file: File, context: VisitContext) -> Visit: ...


@runtime_checkable
class SlotTaker(Protocol):
    """What a visitor is that needs its slot for a part of a visit only.

    It enters `context.slot` for that part, once, and as many files more as there are slots are
    made ready before it or brought to their end after it. Behind it no other visit is waited for.
    Of other visitors the whole visit has a slot.
    """

    takes_slot: Literal[True]

    async def visit(self, file: File, context: VisitContext) -> Visit: ...
