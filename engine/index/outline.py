"""What a file declares, and where: parsed anew from its text in the index. Knows no disk."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import TextNotFound
from engine.executors import Executor
from engine.index.file_text import StoredFile, text_of
from engine.index.lines import notes_on
from engine.parts import Part, merged, parse_parts

USUAL_PARTS = 200
MAX_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Outline:
    """Parts of a file of the live index in the order of their lines, without the first `skipped`.

    `part_count` counts all parts of the file; `next_skip` is how many to skip to go on, if
    these are not the last. `notes` say what a reader has to know.
    """

    realm: str
    path: str
    language: str
    generation: int
    commit: str
    skipped: int
    part_count: int
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def next_skip(self) -> int | None:
        behind = self.skipped + len(self.parts)
        return behind if self.parts and behind < self.part_count else None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "next_skip": self.next_skip}


async def outline_of(
    stored: StoredFile, executor: Executor, *, skip: int = 0, limit: int = USUAL_PARTS
) -> Outline:
    """The file parsed again, away from the event loop; at most `MAX_PARTS` parts.

    A file whose text is not stored has the names that its pieces carry; `TextNotFound`
    where there are no pieces either.
    """
    parts, notes = await _parts(stored, executor)
    skip = max(skip, 0)
    return Outline(
        stored.realm,
        stored.path,
        stored.language,
        stored.generation,
        stored.commit,
        skip,
        len(parts),
        tuple(parts[skip : skip + min(limit, MAX_PARTS)]),
        tuple(notes),
    )


async def _parts(stored: StoredFile, executor: Executor) -> tuple[list[Part], Iterator[str]]:
    try:
        text = text_of(stored)
    except TextNotFound:
        if not stored.pieces:
            raise
        return merged(stored.pieces), iter(("these are the names of its pieces in the index",))
    work = (stored.language, stored.path, "\n".join(text.lines) + "\n")
    return await executor.run(parse_parts, work), notes_on(stored, text)
