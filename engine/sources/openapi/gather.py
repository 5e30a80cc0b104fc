"""Get the texts of a catalogue: from folders, files and addresses. Parses nothing."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urldefrag, urlsplit

from engine.sources.errors import FileGone, FileTooLarge, SourceMissing, Unreadable
from engine.sources.folder import Folder
from engine.sources.keys import key_of
from engine.sources.openapi.library import beside
from engine.sources.openapi.part_keys import document_key
from engine.sources.openapi.shelf import Shelf
from engine.sources.openapi.values import hash_of
from engine.sources.openat import read_beneath
from engine.sources.source import Problem

SUFFIXES = (".json", ".yaml", ".yml")

# Files that are read only because others refer to them.
MAX_FRAGMENTS = 5_000

_DOCUMENT = re.compile(
    rb"""^(?:openapi|swagger)[ \t]*: | ["'](?:openapi|swagger)["']\s*:\s*["'][0-9]""",
    re.MULTILINE | re.VERBOSE,
)
_CREDENTIAL = re.compile(
    r"key|token|secret|passw|pwd|auth|sig\b|signature|credential|session|code|jwt|bearer",
    re.IGNORECASE,
)
_REFERENCE = re.compile(rb"""\$ref["']?\s*:\s*["']?([^"'\#\s,{}]+)""")


@dataclass(slots=True)
class Gathered:
    """Texts by name. `documents` are to be split, the others are what they refer to.

    `found` are the documents that merely look like one: what turns out to be none is no
    mistake. `problems` have a reason for each document that could not be had.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    documents: list[str] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """Identifies all of it."""
        parts = [f"{name} {hash_of(text)}" for name, text in sorted(self.texts.items())]
        parts.append(json.dumps([sorted(self.documents), sorted(self.found), self.addresses]))
        return hash_of("\n".join(parts).encode())


@dataclass(frozen=True, slots=True)
class Locations:
    """Where the documents are; the names of local ones are relative to what they share."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def of(cls, locations: Iterable[str]) -> "Locations":
        local = [each for each in locations if not is_address(each)]
        folders = tuple(each for each in local if os.path.isdir(each))
        files = tuple(os.path.realpath(each) for each in local if each not in folders)
        return cls(folders, files, tuple(each for each in locations if is_address(each)))

    @property
    def root(self) -> str:
        return os.path.commonpath(self._around) if self._around else ""

    def hold(self, name: str) -> bool:
        """Whether a name is beneath a folder that was given, or beside a file that was.

        What the locations share may be the whole disk, which is not all meant.
        """
        path = os.path.join(self.root, name)
        return any(path.startswith(os.path.join(each, "")) for each in self._around)

    @property
    def _around(self) -> tuple[str, ...]:
        return (*self.folders, *map(os.path.dirname, self.files))


def is_address(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def checked_address(url: str) -> str:
    """The URL, unless it holds what must not be stored. Raises `SourceMissing`.

    An address is in the database, in keys, in logs and in errors, so no credentials may be
    in it; there is no other way to hand any over.
    """
    try:
        parts, query = urlsplit(url), parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        raise SourceMissing("an address that can't be read") from None
    if parts.username is not None or parts.password is not None:
        raise SourceMissing(f"{parts.hostname}: an address must hold no user and no password")
    if not parts.hostname or not url.isprintable() or " " in url:
        raise SourceMissing("an address without a host, or with characters that are none of it")
    for name, _ in query:
        if _CREDENTIAL.search(name):
            raise SourceMissing(
                f"{parts.hostname}: {name[:40]!r} in the address looks like a credential, and "
                "addresses are stored and shown: download the document, and index the file"
            )
    return urldefrag(url).url


def address_name(url: str) -> str:
    """The name of a document that was fetched: its address without the scheme."""
    scheme_less = url.partition("://")[2].partition("#")[0]
    path, _, query = scheme_less.partition("?")
    name = document_key(path.rstrip("/"))
    return f"{name}%3F{document_key(query.replace('/', '-'))}" if query else name


def gather_local(locations: Locations, *, max_bytes: int) -> Gathered:
    """The documents on disk and what they refer to beneath their common root."""
    gathered = Gathered()
    root = locations.root
    for folder in locations.folders:
        _gather_folder(folder, root, gathered, max_bytes)
    for path in locations.files:
        _gather_file(os.path.relpath(path, root), root, gathered, max_bytes)
    _gather_fragments(locations, gathered, max_bytes)
    return gathered


def _gather_folder(path: str, root: str, gathered: Gathered, max_bytes: int) -> None:
    folder = Folder(path)
    snapshot = folder.snapshot()
    above = os.path.relpath(path, root)
    for key, _ in snapshot.files:
        if not key.endswith(SUFFIXES):
            continue
        name = key if above == "." else f"{above}/{key}"
        try:
            text = folder.read(key, max_bytes=max_bytes)
        except FileGone:
            continue
        except (FileTooLarge, Unreadable) as error:
            gathered.problems[name] = _reason(error)
            continue
        if _DOCUMENT.search(text) and name not in gathered.texts:
            gathered.texts[name] = text
            gathered.documents.append(name)
            gathered.found.add(name)


def _gather_file(name: str, root: str, gathered: Gathered, max_bytes: int) -> None:
    gathered.found.discard(name)
    if name in gathered.texts:
        return
    key = key_of(name)
    if isinstance(key, Problem):
        gathered.problems[key.key] = key.reason
        return
    try:
        gathered.texts[key] = read_beneath(root, name, max_bytes=max_bytes)
        gathered.documents.append(key)
    except (FileGone, FileTooLarge, Unreadable) as error:
        gathered.problems[key] = _reason(error)


def _gather_fragments(locations: Locations, gathered: Gathered, max_bytes: int) -> None:
    todo = list(gathered.texts)
    looked_for: set[str] = set()
    while todo and len(looked_for) < MAX_FRAGMENTS:
        document = todo.pop()
        for name in _referred(document, gathered.texts[document]) - looked_for:
            looked_for.add(name)
            if name in gathered.texts or key_of(name) != name or not locations.hold(name):
                continue
            try:
                gathered.texts[name] = read_beneath(locations.root, name, max_bytes=max_bytes)
                todo.append(name)
            except (FileGone, FileTooLarge, Unreadable):
                # Whoever refers to it says that it leads nowhere.
                continue


def _referred(document: str, text: bytes) -> set[str]:
    paths = {match.decode("utf-8", "replace") for match in set(_REFERENCE.findall(text))}
    named = {beside(document, path) for path in paths if not is_address(path)}
    return {name for name in named if name and name.endswith(SUFFIXES)}


def only_failure(gathered: Gathered, locations: Sequence[str]) -> str | None:
    """Why there is nothing at all, where there is just one place to look."""
    if gathered.texts or len(locations) != 1:
        return None
    return next((f"{name}: {reason}" for name, reason in gathered.problems.items()), None)


def shelf_name(name: str, kind: str) -> str:
    """The file on a shelf that belongs to a document."""
    return f"{hash_of(name.encode())}.{kind}"


def keep_good(shelf: Shelf, name: str, text: bytes) -> None:
    """Remember a text that could be used, for when the next one can't."""
    place = shelf_name(name, "good")
    if shelf.get(place) != text:
        shelf.put(place, text)


def _reason(error: FileGone | FileTooLarge | Unreadable) -> str:
    if isinstance(error, FileTooLarge):
        return f"{error.size} bytes, over the limit of {error.max_bytes} bytes"
    return error.reason if isinstance(error, Unreadable) else "no such file"
