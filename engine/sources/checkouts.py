"""Where repositories are kept on this disk, by which rules and for how long. Does no I/O."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.sources.git_url import UrlRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkouts:
    """The folder of all checkouts. Cold ones go when they are old, or together too large."""

    root: Path
    rules: UrlRules = field(default_factory=UrlRules)
    timeout_seconds: float = 600
    max_bytes: int = 10 << 30
    max_age_seconds: float = 30 * 86_400

    def folder(self, url: str, branch: str | None, credentials: str) -> Path:
        """The place of one branch, for those who name the same credentials."""
        identity = "\0".join((url, branch or "", credentials))
        return self.root / hashlib.sha256(identity.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkout on the disk, and when it was last used."""

    name: str
    size: int
    used_at: float


def to_evict(
    kept: Iterable[Kept], *, max_bytes: int, max_age_seconds: float, now: float
) -> list[str]:
    """The names of those that should go: the old ones, then the least recently used.

    What is in use when its turn comes stays, and nothing goes in its place.
    """
    left = sorted(kept, key=lambda each: (-each.used_at, each.name))
    gone, total = [], 0
    for each in left:
        total += each.size
        if each.used_at < now - max_age_seconds or total > max_bytes:
            gone.append(each.name)
            total -= each.size
    return gone[::-1]
