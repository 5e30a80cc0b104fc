"""Who is reached by a change, against a graph that knows it otherwise."""

from hypothesis import given
from hypothesis import strategies as st

from engine.reach import readers_of
from resolver import DependencyGraph

KEYS = st.sampled_from("abcdefgh")
EDGES = st.dictionaries(KEYS, st.sets(KEYS, max_size=4).map(sorted))


@given(edges=EDGES, seeds=st.sets(KEYS, max_size=3))
def test_all_are_found_that_a_graph_invalidates(
    edges: dict[str, list[str]], seeds: set[str]
) -> None:
    assert readers_of(edges, seeds).keys() == DependencyGraph(edges).invalidated_by(seeds) - seeds


@given(edges=EDGES, seeds=st.sets(KEYS, max_size=3))
def test_who_follows_what_each_read_comes_to_a_seed(
    edges: dict[str, list[str]], seeds: set[str]
) -> None:
    found = readers_of(edges, seeds)
    for key, read in found.items():
        assert read in edges[key]
        chain = [key, read]
        while chain[-1] not in seeds:
            chain.append(found[chain[-1]])
            assert len(chain) <= len(found) + 1


def test_of_several_on_the_shortest_ways_the_first_is_named() -> None:
    edges = {"top": ["left", "long", "right"], "right": ["seed"], "left": ["seed"], "long": ["top"]}
    assert readers_of(edges, {"seed"})["top"] == "left"
    assert readers_of(edges, {"seed"})["long"] == "top"
