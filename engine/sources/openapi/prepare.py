"""Have the parts of a catalogue on this disk: gather the texts, and split what changed."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.sources.errors import SourceError, SourceMissing
from engine.sources.openapi.gather import (
    Gathered,
    Locations,
    gather_local,
    keep_good,
    only_failure,
    shelf_name,
)
from engine.sources.openapi.shelf import Pack, Shelf, open_pack

# Counts changes of what is in a pack beside its parts.
VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of where, within which bounds, and where to keep it."""

    locations: Sequence[str]
    shelf: Shelf
    max_document_bytes: int
    timeout_seconds: float
    public_only: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where the parts are, and what is wrong with which of them."""

    pack: str
    problems: dict[str, str]


def prepare(wanted: Wanted, moved: Callable[[int, int], None]) -> Prepared:
    """Blocking. `moved` is told of steps done and known of, and may raise to end it all.

    Raises `SourceMissing` where trying again is of no use, and `SourceError` where it may be.
    """
    steps = _Steps(moved)
    gathered = _gather(wanted, steps)
    if failure := only_failure(gathered, wanted.locations):
        raise SourceMissing(failure)
    digest = f"{VERSION}-{gathered.digest()}"
    pack = _waiting(wanted.shelf, digest) or _made(gathered, wanted.shelf, digest, steps)
    problems = {**pack.about["problems"], **gathered.problems}
    return Prepared(wanted.shelf.pack(digest), problems)


class _Steps:
    """Counts documents that were fetched and split."""

    def __init__(self, moved: Callable[[int, int], None]) -> None:
        self._moved = moved
        self._done = self._total = 0

    def expect(self, count: int) -> None:
        self._total += count
        self._moved(self._done, self._total)

    def done(self, _name: str) -> None:
        self._done += 1
        self._moved(self._done, self._total)


def _gather(wanted: Wanted, steps: _Steps) -> Gathered:
    locations = Locations.of(wanted.locations)
    gathered = gather_local(locations, max_bytes=wanted.max_document_bytes)
    if locations.addresses:
        # An HTTP client takes a while to load, which who reads files must not pay.
        from engine.sources.openapi.remote import gather_remote  # noqa: PLC0415

        steps.expect(len(locations.addresses))
        gather_remote(
            locations.addresses,
            gathered,
            wanted.shelf,
            max_bytes=wanted.max_document_bytes,
            timeout_seconds=wanted.timeout_seconds,
            refuse_private=wanted.public_only,
            done=steps.done,
        )
    return gathered


def _waiting(shelf: Shelf, digest: str) -> Pack | None:
    """The parts of these very texts, if they are on the shelf and still right."""
    # A YAML parser is not needed by those who only read what it gave.
    from engine.sources.openapi.last_good import stand_in  # noqa: PLC0415

    try:
        os.utime(shelf.pack(digest))
        pack = open_pack(shelf.pack(digest))
    except (OSError, ValueError):
        return None
    good = {name: shelf.get(shelf_name(name, "good")) for name in pack.about["lasting"]}
    right = all(stand_in(good[name]) == used for name, used in pack.about["lasting"].items())
    return pack if right else None


def _made(gathered: Gathered, shelf: Shelf, digest: str, steps: _Steps) -> Pack:
    from engine.sources.openapi.last_good import split_with_last_good  # noqa: PLC0415 - the same

    steps.expect(len(gathered.documents))
    try:
        parts, lasting = split_with_last_good(gathered, shelf, steps.done)
        about = {"problems": parts.problems, "lasting": lasting}
        for name in set(gathered.documents) - parts.broken - lasting.keys():
            keep_good(shelf, name, gathered.texts[name])
        return open_pack(shelf.put_pack(digest, parts.contents, about))
    except OSError as error:
        raise SourceError(f"{shelf.path}: can't be written: {error.strerror}") from error
