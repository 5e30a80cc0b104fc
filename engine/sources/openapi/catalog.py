"""OpenAPI documents as a source: a file for each operation and each schema. Knows no index."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from engine.sources.checkouts import Checkouts
from engine.sources.errors import SourceError, SourceMissing
from engine.sources.keys import is_showable
from engine.sources.openapi.gather import checked_address, is_address
from engine.sources.openapi.prepare import Wanted, prepare
from engine.sources.openapi.prepared import PreparedCatalog
from engine.sources.openapi.shelf import Shelf
from engine.sources.source import Snapshot, unmoved


class OpenApiCatalog:
    """The operations and schemas of OpenAPI 3 and Swagger 2 documents, JSON or YAML.

    A location is a folder (every document in it), a file, or an http(s) address. An
    operation is `petstore.yaml/paths/pets/{petId}/get.openapi-operation`, a component
    schema `petstore.yaml/schemas/Pet.openapi-schema`.

    A document that can't be read is a problem at its own key, and keeps the parts of its
    last good version. What the documents gave waits in the home of the engine, or in
    `cache`, so that an edit costs the documents that it concerns. With `refuse_private`,
    addresses of private networks are not asked, also where the settings allow it.
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
        self._prepared: PreparedCatalog | None = None

    def __repr__(self) -> str:
        return f"OpenApiCatalog({', '.join(map(repr, self.locations))})"

    @asynccontextmanager
    async def brought(
        self,
        checkouts: Checkouts,
        report: Callable[[str], None],
        *,
        moved: Callable[[int, int], None] = unmoved,
    ) -> AsyncIterator[PreparedCatalog]:
        """The parts as the documents are now; `moved` counts documents fetched and split."""
        # With it come locks and threads, which those who only name a source don't need.
        from engine.sources.openapi.bringing import brought  # noqa: PLC0415

        async with brought(self, checkouts, moved) as prepared:
            for key, reason in sorted(prepared.problems.items()):
                report(f"{key}: {reason}")
            yield prepared

    def snapshot(self) -> Snapshot:
        """Without a pass around it, `cache` must have been given."""
        if self.cache is None:
            raise SourceError(f"{self.locations[0]}: no place was named for what it gives")
        listed_at_ns = time.time_ns()
        wanted = Wanted(
            locations=self.locations,
            shelf=Shelf(self.cache),
            max_document_bytes=self.max_document_bytes,
            timeout_seconds=self.timeout_seconds,
            public_only=self.refuse_private,
        )
        found = prepare(wanted, unmoved)
        self._prepared = PreparedCatalog(found.pack, found.problems, listed_at_ns, self.describe())
        return self._prepared.snapshot()

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if self._prepared is None:
            self.snapshot()
        assert self._prepared is not None
        return self._prepared.read(key, max_bytes=max_bytes)

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


def _checked(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    if not isinstance(text, str) or not is_showable(text):
        raise SourceMissing("a location with control characters or bytes that are not UTF-8")
    if is_address(text):
        return checked_address(text)
    if "://" in text:
        raise SourceMissing(f"{text.partition('://')[0]}: only http and https are fetched")
    return os.path.abspath(text)
