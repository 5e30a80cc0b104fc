"""OpenAPI documents as a source: a file for each operation and each schema. Knows no index."""

import hashlib
import json
import os
import time
from collections.abc import Mapping

import platformdirs

from engine.sources.errors import FileGone, FileTooLarge, SourceError, SourceMissing, Unreadable
from engine.sources.keys import is_showable, key_of, shown
from engine.sources.openapi.gather import (
    Gathered,
    Locations,
    checked_address,
    gather_local,
    is_address,
    keep_good,
    only_failure,
    shelf_name,
)
from engine.sources.openapi.shelf import Pack, Shelf, open_pack
from engine.sources.source import Problem, Snapshot, SourceFile

# Counts changes of what parts look like: those of another version are not taken from a shelf.
VERSION = 2


class OpenApiCatalog:
    """The operations and schemas of OpenAPI 3 and Swagger 2 documents, JSON or YAML.

    A location is a folder (every document in it), a file, or an http(s) address. An
    operation is `petstore.yaml/paths/pets/{petId}/get.openapi-operation`, a component
    schema `petstore.yaml/schemas/Pet.openapi-schema`.

    A document that can't be read is a problem at its own key, and keeps the parts of its
    last good version as long as `cache` remembers it. The documents are parsed when one of
    their texts changes, and their parts wait in `cache`, a folder of the user's by default,
    for this process and those that parse for it. With `refuse_private`, addresses of
    private networks are not asked.
    """

    def __init__(
        self,
        *locations: str | os.PathLike[str],
        cache: str | os.PathLike[str] | None = None,
        max_document_bytes: int = 64 << 20,
        timeout_seconds: float = 30.0,
        refuse_private: bool = False,
    ) -> None:
        if not locations:
            raise SourceMissing("an OpenAPI catalogue needs a folder, a file or an address")
        self.locations = tuple(map(_checked, locations))
        self.cache = None if cache is None else os.path.abspath(cache)
        self.max_document_bytes = max_document_bytes
        self.timeout_seconds = timeout_seconds
        self.refuse_private = refuse_private
        self._pack = ""

    def __repr__(self) -> str:
        return f"OpenApiCatalog({', '.join(map(repr, self.locations))})"

    def snapshot(self) -> Snapshot:
        listed_at_ns = time.time_ns()
        gathered = self._gather()
        if failure := only_failure(gathered, self.locations):
            raise SourceMissing(failure)
        pack = self._packed(gathered)
        problems = {**pack.about["problems"], **gathered.problems}
        files = tuple(SourceFile(key, stamp) for key, stamp in pack.stamps())
        return Snapshot(
            files,
            tuple(Problem(key, reason) for key, reason in sorted(problems.items())),
            listed_at_ns=listed_at_ns,
        )

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if key_of(key) != key:
            raise Unreadable(shown(key), "not a key of this catalogue")
        if not self._pack:
            self.snapshot()
        try:
            pack = open_pack(self._pack)
        except OSError as error:
            raise FileGone(key) from error
        size = pack.size(key)
        if size is None:
            raise FileGone(key)
        if size > max_bytes:
            raise FileTooLarge(key, size, max_bytes)
        return pack.read(key)

    def describe(self) -> dict[str, str]:
        return {
            "kind": "openapi",
            "locations": json.dumps(self.locations),
            "cache": self.cache or "",
            "max_document_bytes": str(self.max_document_bytes),
            "timeout_seconds": f"{self.timeout_seconds:g}",
            "refuse_private": "yes" if self.refuse_private else "",
        }

    @classmethod
    def from_description(cls, description: Mapping[str, str]) -> "OpenApiCatalog":
        return cls(
            *json.loads(description["locations"]),
            cache=description.get("cache") or None,
            max_document_bytes=int(description.get("max_document_bytes", 64 << 20)),
            timeout_seconds=float(description.get("timeout_seconds", 30)),
            refuse_private=bool(description.get("refuse_private")),
        )

    def _gather(self) -> Gathered:
        locations = Locations.of(self.locations)
        gathered = gather_local(locations, max_bytes=self.max_document_bytes)
        if locations.addresses:
            # An HTTP client takes a while to load, which who reads files must not pay.
            from engine.sources.openapi.remote import gather_remote  # noqa: PLC0415

            gather_remote(
                locations.addresses,
                gathered,
                self._shelf(),
                max_bytes=self.max_document_bytes,
                timeout_seconds=self.timeout_seconds,
                refuse_private=self.refuse_private,
            )
        return gathered

    def _packed(self, gathered: Gathered) -> Pack:
        """The parts of these texts: from the shelf, or made now and put there."""
        shelf = self._shelf()
        digest = f"{VERSION}-{gathered.digest()}"
        try:
            pack = open_pack(shelf.pack(digest))
            os.utime(shelf.pack(digest))
        except (OSError, ValueError):
            pack = None
        if pack is None or not _still_right(pack, shelf):
            pack = self._made(gathered, shelf, digest)
        self._pack = shelf.pack(digest)
        return pack

    def _made(self, gathered: Gathered, shelf: Shelf, digest: str) -> Pack:
        # A YAML parser is not needed by those who only read what it gave.
        from engine.sources.openapi.last_good import split_with_last_good  # noqa: PLC0415

        parts, lasting = split_with_last_good(gathered, shelf)
        about = {"problems": parts.problems, "lasting": lasting}
        try:
            for name in set(gathered.documents) - parts.broken - lasting.keys():
                keep_good(shelf, name, gathered.texts[name])
            return open_pack(shelf.put_pack(digest, parts.contents, about))
        except OSError as error:
            raise SourceError(f"{shelf.path}: can't be written: {error.strerror}") from error

    def _shelf(self) -> Shelf:
        if self.cache is not None:
            return Shelf(self.cache)
        told = hashlib.blake2b(json.dumps(self.locations).encode(), digest_size=16).hexdigest()
        return Shelf(str(platformdirs.user_cache_path("widthwise", appauthor=False) / told))


def _checked(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    if not isinstance(text, str) or not is_showable(text):
        raise SourceMissing("a location with control characters or bytes that are not UTF-8")
    if is_address(text):
        return checked_address(text)
    if "://" in text:
        raise SourceMissing(f"{text.partition('://')[0]}: only http and https are fetched")
    return os.path.abspath(text)


def _still_right(pack: Pack, shelf: Shelf) -> bool:
    """Whether the parts that stand in for a broken document are those of its last good text."""
    from engine.sources.openapi.last_good import hash_of  # noqa: PLC0415 - the same

    return all(
        hash_of(shelf.get(shelf_name(name, "good"))) == used
        for name, used in pack.about["lasting"].items()
    )
