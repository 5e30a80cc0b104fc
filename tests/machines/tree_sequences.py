"""Sequences of edits and passes, as values that shrink well."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from hypothesis import strategies as st
from tree_contents import KEYS, THEMES, chosen, files
from tree_edits import Edit, Write, edits

Tree: TypeAlias = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Index:
    """A pass to its end, by one of two engines."""

    engine: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """A pass that is cancelled at one of its suspensions, if it has that many."""

    at: int
    engine: int = 0


@dataclass(frozen=True, slots=True)
class EditDuring:
    """A pass with an edit at one of its suspensions. What it leaves is for the next to mend.

    `undone` afterwards, as by a switch of branches and back, it leaves only what was read
    meanwhile.
    """

    edit: Edit
    at: int
    undone: bool = False


@dataclass(frozen=True, slots=True)
class IndexTwice:
    """Passes of both engines, asked for at once."""


Step: TypeAlias = Edit | Index | Cancel | EditDuring | IndexTwice


@dataclass(frozen=True, slots=True)
class Sequence:
    """A tree, and what happens to it after its first pass. A last pass is always made."""

    tree: Tree
    steps: tuple[Step, ...] = field(default=())

    def write_tree(self, root: Path) -> Path:
        root.mkdir()
        for key, content in self.tree:
            Write(key, content).apply(root)
        return root


def trees(keys: tuple[str, ...] = KEYS, *, least: int, most: int) -> st.SearchStrategy[Tree]:
    found = st.lists(files(keys), min_size=least, max_size=most, unique_by=lambda file: file[0])
    return found.map(tuple)


def sequences() -> st.SearchStrategy[Sequence]:
    return st.sampled_from(THEMES).flatmap(sequences_of)


def sequences_of(keys: tuple[str, ...]) -> st.SearchStrategy[Sequence]:
    """What may happen to a tree of some of these keys."""
    engine = st.integers(0, 1)
    # Most passes over such trees have 100 to 150 suspensions.
    at = st.integers(0, 150)
    a_pass: st.SearchStrategy[Step] = chosen(
        {
            st.builds(Index, engine): 3,
            st.builds(Cancel, at, engine): 3,
            st.builds(EditDuring, edits(keys), at, st.booleans()): 1,
            st.just(IndexTwice()): 1,
        }
    )
    some = st.lists(edits(keys), min_size=1, max_size=3)
    rounds = st.builds(lambda made, then: (*made, then), some, a_pass)
    steps = st.lists(rounds, max_size=6).map(lambda each: tuple(s for r in each for s in r))
    return st.builds(Sequence, trees(keys, least=min(4, len(keys)), most=min(8, len(keys))), steps)
