"""Why the last pass visited a file or spared it, as a chain of files with reasons."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.reasons import Reason, Why

MAX_STEPS = 32

Find = Callable[[str], Awaitable[tuple[bool, Reason] | None]]


@dataclass(frozen=True, slots=True)
class Step:
    """One file of the chain: what the pass did with it, and why in words."""

    key: str
    visited: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain from a file to where it began. Empty: the pass did not come near the file."""

    key: str
    steps: tuple[Step, ...]

    @property
    def visited(self) -> bool:
        return bool(self.steps) and self.steps[0].visited


async def explain(key: str, find: Find) -> Explanation:
    """Follow the causes, each file once and at most `MAX_STEPS`."""
    steps: dict[str, Step] = {}
    at = key
    while at and at not in steps and len(steps) < MAX_STEPS:
        found = await find(at)
        if found is None:
            break
        visited, reason = found
        steps[at] = Step(at, visited, in_words(reason))
        at = reason.cause
    return Explanation(key, tuple(steps.values()))


_WORDS = {
    Why.ADDED: "it is new",
    Why.RENAMED: "it was {cause} before",
    Why.CONTENT: "its content changed",
    Why.FAILED: "its last visit failed",
    Why.RECIPE: "the recipe changed, or a fresh pass was asked for",
    Why.APPEARED: "a reference of it looked for {cause}, which appeared",
    Why.WENT: "a reference of it looked for {cause}, which is gone",
    Why.READ: "it read {names}{cause}, whose definition changed",
    Why.CUT_OFF: "it read {cause}, whose definition did not change",
}


def in_words(reason: Reason) -> str:
    """A reason as people say it."""
    names = ", ".join(f"`{name}`" for name in reason.names)
    return _WORDS[reason.why].format(cause=reason.cause, names=f"{names} from " if names else "")
