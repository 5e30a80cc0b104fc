"""Split documents, and put the last good text in place of one that can't be used."""

from collections.abc import Callable
from dataclasses import replace

from engine.sources.openapi.gather import Gathered, shelf_name
from engine.sources.openapi.library import Library
from engine.sources.openapi.shelf import Shelf
from engine.sources.openapi.split import Parts, split
from engine.sources.openapi.values import hash_of


def split_with_last_good(
    gathered: Gathered, shelf: Shelf, done: Callable[[str], None]
) -> tuple[Parts, dict[str, str]]:
    """The parts, and for each document that is broken the hash of the text used instead.

    What merely looked like a document and is none has no problem and no parts. `done` is
    told of each document, and may raise to end it all.
    """
    parts = split(Library(gathered.texts, gathered.addresses), gathered.documents,
                  found=gathered.found, kept=shelf, done=done)  # fmt: skip
    kept = {name: shelf.get(shelf_name(name, "good")) for name in sorted(parts.broken)}
    good = {name: text for name, text in kept.items() if text is not None}
    lasting = {name: stand_in(kept[name]) for name in kept}
    if not good:
        return parts, lasting
    texts = {**gathered.texts, **good}
    again = split(Library(texts, gathered.addresses), gathered.documents,
                  found=gathered.found, kept=shelf)  # fmt: skip
    problems = {**again.problems, **{name: parts.problems[name] for name in parts.broken}}
    return replace(again, problems=problems, broken=parts.broken), lasting


def stand_in(text: bytes | None) -> str:
    """Identifies what is used in place of a broken document: nothing, if there is nothing."""
    return "" if text is None else hash_of(text)
