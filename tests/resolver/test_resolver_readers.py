"""Who is reached by a change, against a graph that knows it otherwise."""

from hypothesis import given
from hypothesis import strategies as st

from resolver import DependencyGraph, readers_of

KEYS = st.sampled_from("abcdefgh")


@given(
    edges=st.dictionaries(KEYS, st.sets(KEYS, max_size=4).map(sorted)),
    seeds=st.sets(KEYS, max_size=3),
)
def test_all_are_found_that_a_graph_invalidates(
    edges: dict[str, list[str]], seeds: set[str]
) -> None:
    assert readers_of(edges, seeds) == DependencyGraph(edges).invalidated_by(seeds) - seeds
