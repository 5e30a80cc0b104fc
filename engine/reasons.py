"""Why a pass visited a file, or spared it. Values only."""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a file was visited or, for the last, was not."""

    ADDED = "added"
    RENAMED = "renamed"
    CONTENT = "content"
    FAILED = "failed"
    RECIPE = "recipe"
    APPEARED = "appeared"
    WENT = "went"
    READ = "read"
    CUT_OFF = "cut off"


@dataclass(frozen=True, slots=True)
class Reason:
    """`cause` is the other file that it is about, `names` what of it matters."""

    why: Why
    cause: str = ""
    names: tuple[str, ...] = ()
