"""From strings to numbers: the same whatever objects the strings are."""

from collections.abc import Collection, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import DependencyGraph
from resolver.intern import intern

# Longer than one letter: of a single letter Python keeps one object only.
NAMES = [f"{folder}/{file}.py" for folder in ("a", "é", "\ud800") for file in range(3)]


class Miscounted(Collection[str]):
    """Says that it holds two names, and gives one."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[str]:
        return iter(["name"])

    def __contains__(self, name: object) -> bool:
        return name == "name"


def copy_of(name: str) -> str:
    return "".join(list(name))


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()))
    )
)
def test_names_that_are_other_objects_than_the_keys_give_the_same_graph(
    drawn: dict[str, list[tuple[str, bool]]],
) -> None:
    same = {key: [name for name, _ in row] for key, row in drawn.items()}
    mixed = {key: [copy_of(n) if c else n for n, c in row] for key, row in drawn.items()}
    made, expected = intern(mixed), intern(same)
    assert made.index.keys.tolist() == expected.index.keys.tolist() == sorted(drawn)
    assert made.missing == expected.missing
    assert made.probes.targets.tolist() == expected.probes.targets.tolist()
    assert made.probes.starts.tolist() == expected.probes.starts.tolist()


def test_rows_longer_than_a_piece_and_names_that_are_copies_from_some_row_on() -> None:
    keys = [f"key/{number:05}" for number in range(9000)]
    graph = {"hub": keys, **{key: [copy_of(keys[0]), "gone/name"] for key in keys}}
    interned = intern(graph)
    names = {
        key: [interned.name(n) for n in interned.probes.row(interned.index.find(key))]
        for key in graph
    }
    assert names == graph
    assert list(interned.missing) == ["gone/name"]


def test_fewer_dependencies_than_announced_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="2 dependencies were announced and 1 came"):
        DependencyGraph({"a": Miscounted()})
