"""Get the documents of a catalogue that are elsewhere, and ask again only for what changed."""

import json
from collections.abc import Sequence

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
) -> None:
    """Fetch each document. One that can't be had is as it was last time, with a problem.

    Raises `SourceError` if there is nothing else and nothing to fall back on.
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
            kept = shelf.get(shelf_name(name, "body"))
            if kept is None and len(addresses) == 1 and not gathered.documents:
                kind = SourceMissing if failed.permanent else SourceError
                raise kind(f"{url}: {failed}") from None
            gathered.problems[name] = str(failed)
            text = kept
        if text is not None:
            gathered.texts[name] = text
            gathered.documents.append(name)
            gathered.addresses[name] = url


def _text(url: str, name: str, shelf: Shelf, limits: Limits) -> bytes:
    kept = shelf.get(shelf_name(name, "body"))
    fetched = fetch(url, {} if kept is None else _validators(shelf, name), limits)
    if fetched is None:
        if kept is None:
            raise FetchFailed("answered 304 to a question without conditions", permanent=False)
        return kept
    if fetched.content != kept:
        # 1. The new body is written. 2. We are killed. 3. The old validators get a 304 only
        # if the server has gone back to the old body: so those go first.
        shelf.put(shelf_name(name, "asked"), b"{}")
        shelf.put(shelf_name(name, "body"), fetched.content)
    shelf.put(shelf_name(name, "asked"), json.dumps(fetched.validators).encode())
    return fetched.content


def _validators(shelf: Shelf, name: str) -> dict[str, str]:
    try:
        found = json.loads(shelf.get(shelf_name(name, "asked")) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
