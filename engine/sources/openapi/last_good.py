"""Split documents, and put the last good text in place of one that can't be used."""

import hashlib
from dataclasses import replace

from engine.sources.openapi.gather import Gathered, shelf_name
from engine.sources.openapi.library import Library
from engine.sources.openapi.shelf import Shelf
from engine.sources.openapi.split import Parts, split


def split_with_last_good(gathered: Gathered, shelf: Shelf) -> tuple[Parts, dict[str, str]]:
    """The parts, and for each document that is broken the hash of the text used instead.

    What merely looked like a document and is none has no problem and no parts.
    """
    parts = split(Library(gathered.texts, gathered.addresses), gathered.documents,
                  found=gathered.found)  # fmt: skip
    kept = {name: shelf.get(shelf_name(name, "good")) for name in sorted(parts.broken)}
    good = {name: text for name, text in kept.items() if text is not None}
    lasting = {name: hash_of(kept[name]) for name in kept}
    if not good:
        return parts, lasting
    texts = {**gathered.texts, **good}
    again = split(Library(texts, gathered.addresses), gathered.documents, found=gathered.found)
    problems = {**again.problems, **{name: parts.problems[name] for name in parts.broken}}
    return replace(again, problems=problems, broken=parts.broken), lasting


def hash_of(text: bytes | None) -> str:
    return "" if text is None else hashlib.blake2b(text, digest_size=16).hexdigest()
