"""Where the next page of a search begins, as text that callers hand back. Pure.

It comes from outside: whatever is in it, it asks for no more than a first page could.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self

from engine.errors import BadCursor

DEEPEST: Final = 1_000
"""No ranking is looked at any further down."""
_LONGEST: Final = 256
_FIELDS: Final = (int, int, str, str)


@dataclass(frozen=True, slots=True)
class Cursor:
    """`offset` into the fused ranking, of which `depth` candidates of each were taken.

    `question` and `generations` are digests: of what was asked, and of the state of the
    realms that were searched.
    """

    offset: int
    depth: int
    question: str
    generations: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `BadCursor` for what no search has handed out."""
        try:
            values = json.loads(urlsafe_b64decode(text.encode("ascii"))) if _fits(text) else None
        except (ValueError, NotBase64, RecursionError):
            values = None
        if not isinstance(values, list) or tuple(map(type, values)) != _FIELDS:
            raise BadCursor("the cursor is none that a search has handed out; search without it")
        cursor = cls(*values)
        if not (0 < cursor.depth <= DEEPEST and 0 <= cursor.offset <= 2 * DEEPEST):
            raise BadCursor("the cursor is none that a search has handed out; search without it")
        return cursor

    def __str__(self) -> str:
        values = [self.offset, self.depth, self.question, self.generations]
        return urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode()


def digest(values: Sequence[Any]) -> str:
    """A short text that is another one for other values."""
    return blake2b(repr(values).encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def _fits(text: str) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST
