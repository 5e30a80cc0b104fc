"""Get the documents of a catalogue that are elsewhere, and ask again only for what changed."""

import json
from collections.abc import Callable, Sequence

from engine.sources.errors import SourceError, SourceMissing
from engine.sources.openapi.download import FetchFailed, Limits, fetch
from engine.sources.openapi.gather import Gathered, address_name, shelf_name
from engine.sources.openapi.shelf import Shelf


def gather_remote(
    addresses: Sequence[str],
    gathered: Gathered,
    shelf: Shelf,
    *,
    max_bytes: int,
    timeout_seconds: float,
    refuse_private: bool,
    done: Callable[[str], None],
) -> None:
    """Fetch each document. One that can't be had is as it was last time, with a problem.

    `done` is told of each, and may raise to end it all. Raises `SourceError` if there is
    nothing else and nothing to fall back on.
    """
    limits = Limits(max_bytes, timeout_seconds, refuse_private)
    for url in dict.fromkeys(addresses):
        name = address_name(url)
        if name in gathered.texts:
            gathered.problems[f"{name}%3F"] = "another document has this name"
            continue
        text: bytes | None
        try:
            text = _text(url, name, shelf, limits)
        except FetchFailed as failed:
            kept, _ = _kept(shelf, name)
            if kept is None and len(addresses) == 1 and not gathered.documents:
                kind = SourceMissing if failed.permanent else SourceError
                raise kind(f"{url}: {failed}") from None
            gathered.problems[name] = str(failed)
            text = kept
        if text is not None:
            gathered.texts[name] = text
            gathered.documents.append(name)
            gathered.addresses[name] = url
        done(name)


def _text(url: str, name: str, shelf: Shelf, limits: Limits) -> bytes:
    kept, validators = _kept(shelf, name)
    fetched = fetch(url, {} if kept is None else validators, limits)
    if fetched is None:
        if kept is None:
            raise FetchFailed("answered 304 to a question without conditions", permanent=False)
        return kept
    if (fetched.content, fetched.validators) != (kept, validators):
        # In one file, so that no process finds the body of one answer and the validators
        # of another.
        head = json.dumps(fetched.validators).encode()
        shelf.put(shelf_name(name, "body"), head + b"\n" + fetched.content)
    return fetched.content


def _kept(shelf: Shelf, name: str) -> tuple[bytes | None, dict[str, str]]:
    """The last answer, and what the server wants to be asked by for the next one."""
    told = shelf.get(shelf_name(name, "body"))
    if told is None:
        return None, {}
    head, _, content = told.partition(b"\n")
    return content, json.loads(head)
