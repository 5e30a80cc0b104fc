"""What one document gives, with what that took of others. Knows no disk and no OpenAPI."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.sources.openapi.library import Library, Read, Target


@dataclass(slots=True)
class Unit:
    """The parts of a document, or a few of them.

    `wanted` are the schemas that they refer to. `broken` is why there are none at all,
    `warning` a mistake that was got over. `reads` tell when all of it has to be made anew.
    """

    contents: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    wanted: dict[Target, None] = field(default_factory=dict)
    broken: str = ""
    warning: str = ""
    reads: dict[str, Read] = field(default_factory=dict)

    def is_true(self, library: Library) -> bool:
        """Whether it would be made just so from the texts there are now.

        Where all that was asked of another document still has the same answer, the hash of
        its text is noted, so that the next one need not ask.
        """
        return all(_is_true(name, read, library) for name, read in self.reads.items())

    def to_bytes(self) -> bytes:
        reads = {
            name: [
                read.text_hash,
                read.whole,
                [[*key, *value] for key, value in read.asked.items()],
            ]
            for name, read in self.reads.items()
        }
        told = [self.contents, self.problems, list(self.wanted), self.broken, self.warning, reads]
        return json.dumps(told).encode()

    @classmethod
    def from_bytes(cls, told: bytes) -> "Unit":
        contents, problems, wanted, broken, warning, reads = json.loads(told)
        return cls(
            contents,
            problems,
            dict.fromkeys(Target(document, tuple(pointer)) for document, pointer in wanted),
            broken,
            warning,
            {
                name: Read(hash_, whole, _asked(asked))
                for name, (hash_, whole, asked) in reads.items()
            },
        )


def _is_true(name: str, read: Read, library: Library) -> bool:
    now = library.text_hash(name)
    if now == read.text_hash:
        return True
    if read.whole:
        return False
    if any(library.look_up(*asked).told != told for asked, told in read.asked.items()):
        return False
    read.text_hash = now
    return True


def _asked(rows: Iterable[list[Any]]) -> dict[Any, tuple[str, str]]:
    return {
        (ref, document, tuple(within)): (verb, key) for ref, document, within, verb, key in rows
    }
