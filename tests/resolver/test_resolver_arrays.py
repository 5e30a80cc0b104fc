"""The walks over plain numbers: adjacency, components, reach."""

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resolver.adjacency import Adjacency
from resolver.components import _by_scipy, strong_components
from resolver.reach import LONG, reach

SIZE = 9
EDGES = st.sets(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)))


def adjacency_of(edges: list[tuple[int, int]], size: int = SIZE) -> Adjacency:
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    return Adjacency.from_pairs(pairs[:, 0], pairs[:, 1], size)


def parts(labels: list[int]) -> set[frozenset[int]]:
    return {frozenset(row for row, of in enumerate(labels) if of == label) for label in labels}


@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))))
def test_rows_from_pairs_ascend_without_repetitions(edges: list[tuple[int, int]]) -> None:
    adjacency = adjacency_of(edges)
    rows = [sorted({target for row, target in edges if row == number}) for number in range(SIZE)]
    assert [adjacency.row(number) for number in range(SIZE)] == rows
    assert adjacency.degrees().tolist() == list(map(len, rows))


@given(EDGES)
def test_turned_round_twice_is_the_same(edges: set[tuple[int, int]]) -> None:
    there = adjacency_of(sorted(edges)).transposed(SIZE)
    assert {(target, row) for row in range(SIZE) for target in there.row(row)} == edges
    back = there.transposed(SIZE)
    assert back.targets.tolist() == [target for _, target in sorted(edges)]


def test_many_edges_in_many_pieces_turned_round_are_there_once_each() -> None:
    # Half of them twice; more edges, and more rows, than a piece has.
    chance, size = np.random.default_rng(7), 150_000
    owners = np.sort(chance.integers(0, size, 200_000)).astype(np.int32)
    targets = chance.integers(0, 9000, owners.size).astype(np.int32)
    pairs = np.column_stack((owners, targets)).repeat(np.arange(owners.size) % 2 + 1, axis=0)
    counts = np.bincount(pairs[:, 0], minlength=size)
    there = Adjacency.from_counts(counts, np.ascontiguousarray(pairs[:, 1]))
    back = there.transposed(9000)
    expected = np.unique(pairs[:, ::-1], axis=0)
    assert np.array_equal(np.column_stack((back.owners(), back.targets)), expected)
    assert np.array_equal(there.loops(), pairs[:, 0] == pairs[:, 1])
    moved = there.moved(np.arange(size, dtype=np.int32)[::-1])
    assert all(moved.row(size - 1 - row) == there.row(row) for row in range(0, size, 97))


@given(EDGES, st.permutations(range(SIZE)))
def test_moved_rows_are_found_at_their_new_places(
    edges: set[tuple[int, int]], places: list[int]
) -> None:
    before = adjacency_of(sorted(edges))
    after = before.moved(np.array(places, np.int32))
    assert [after.row(places[row]) for row in range(SIZE)] == [
        before.row(row) for row in range(SIZE)
    ]


@given(EDGES, st.dictionaries(st.integers(0, SIZE + 1), st.lists(st.integers(0, SIZE - 1))))
def test_replaced_rows_are_the_new_ones_and_the_rest_is_as_before(
    edges: set[tuple[int, int]], replaced: dict[int, list[int]]
) -> None:
    before = adjacency_of(sorted(edges))
    after = before.with_rows(replaced, SIZE + 2)
    for row in range(SIZE + 2):
        assert after.row(row) == replaced.get(row, before.row(row) if row < SIZE else [])


@given(EDGES)
def test_both_searches_find_the_components_that_networkx_finds(
    edges: set[tuple[int, int]],
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    graph.add_nodes_from(range(SIZE))
    expected = {frozenset(part) for part in nx.strongly_connected_components(graph)}
    adjacency = adjacency_of(sorted(edges))
    assert parts(strong_components(adjacency).tolist()) == expected
    assert parts(_by_scipy(adjacency).tolist()) == expected


def test_a_cycle_of_ten_thousand_needs_no_recursion() -> None:
    size = 10_000
    labels = strong_components(adjacency_of([(i, (i + 1) % size) for i in range(size)], size))
    assert len(set(labels.tolist())) == 1


@given(EDGES, st.sets(st.integers(0, SIZE - 1)))
def test_reach_is_the_seeds_and_their_descendants(
    edges: set[tuple[int, int]], seeds: set[int]
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph(edges)
    graph.add_nodes_from(range(SIZE))
    expected = seeds.union(*(nx.descendants(graph, seed) for seed in seeds))
    found = reach(adjacency_of(sorted(edges)), np.array(sorted(seeds), np.int32))
    assert found.tolist() == sorted(expected)


def test_a_long_row_in_a_narrow_wave_is_walked_at_once_and_back() -> None:
    # A chain of 100, then a row longer than one by one is worth, then a chain of 100.
    fan = LONG + 10
    chain = [(i, i + 1) for i in range(100)]
    spread = [(100, 101 + i) for i in range(fan)]
    tail = [(100 + fan + i, 101 + fan + i) for i in range(100)]
    size = 202 + fan
    found = reach(adjacency_of(chain + spread + tail, size), np.array([0], np.int32))
    assert found.size == size - 1
