"""Why the last pass visited a file or spared it, as a chain of files with reasons."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.reasons import Reason, Why

MAX_STEPS = 32

# Of what a file reads, directly or through others, so much is looked at.
MAX_SEEN = 20_000

# Of some files why each was visited, as far as is known; and what those read that were spared.
Find = Callable[[Sequence[str]], Awaitable[Mapping[str, tuple[bool, Reason]]]]
Reads = Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[str]]]]


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


async def explain(key: str, find: Find, reads: Reads) -> Explanation:
    """Follow the causes, each file once and at most `MAX_STEPS`.

    A file that reads one that was visited, if only through others, was spared. Nothing is
    stored of it: it reads still what it read then.
    """
    steps: dict[str, Step] = {}
    *spared, at = await _way_to_visited(key, find, reads) or ("",)
    for reader, read in pairwise((*spared, at)):
        steps[reader] = Step(reader, False, in_words(Reason(Why.CUT_OFF, read)))
    while at and at not in steps and len(steps) < MAX_STEPS:
        found = (await find([at])).get(at)
        if found is None:
            break
        visited, reason = found
        steps[at] = Step(at, visited, in_words(reason))
        at = reason.cause
    return Explanation(key, tuple(steps.values()))


async def _way_to_visited(key: str, find: Find, reads: Reads) -> list[str]:
    """A shortest way from a file to one that was visited; empty if there is none."""
    reader_of = {key: ""}
    frontier = [key]
    for _ in range(MAX_STEPS):
        if visited := await find(frontier):
            return _way_back(min(visited), reader_of)
        read = await reads(frontier)
        new = {each: reader for reader in frontier for each in read.get(reader, ())}
        frontier = sorted(new.keys() - reader_of.keys())
        reader_of |= {each: new[each] for each in frontier}
        if not frontier or len(reader_of) > MAX_SEEN:
            break
    return []


def _way_back(key: str, reader_of: Mapping[str, str]) -> list[str]:
    way = [key]
    while reader := reader_of[way[-1]]:
        way.append(reader)
    return way[::-1]


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
