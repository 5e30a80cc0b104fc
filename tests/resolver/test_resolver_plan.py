"""Order, layers, cycles and the longest chain, compared with networkx on any graph."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resolver_oracles import BENT_NAMES, PLAIN_NAMES, assert_plan_of, digraph, graphs, random_graph

from resolver import DependencyGraph, Plan


def unit_of(plan: Plan, key: str) -> tuple[str, ...]:
    return next((cycle for cycle in plan.cycles if key in cycle), (key,))


def assert_longest_chain(plan: Plan, oracle: "nx.DiGraph[str]") -> None:
    path = plan.critical_path
    assert [plan.height(key) for key in path] == list(range(plan.topo_depth))
    for below, above in pairwise(path):
        assert any(oracle.has_edge(member, below) for member in unit_of(plan, above))


def heaviest_sum(plan: Plan, oracle: "nx.DiGraph[str]", seconds: dict[str, int]) -> int:
    """What networkx finds where each component waits as one, and is waited for key by key."""
    waits = nx.DiGraph()
    waits.add_weighted_edges_from(("", key, seconds.get(key, 0)) for key in plan)
    for key, dependency in oracle.edges:
        unit = unit_of(plan, key)
        if dependency not in unit:
            waits.add_weighted_edges_from((dependency, each, seconds.get(each, 0)) for each in unit)
    return nx.dag_longest_path_length(waits)


@given(
    graphs(PLAIN_NAMES),
    st.dictionaries(st.sampled_from(PLAIN_NAMES), st.integers(min_value=0, max_value=9)),
)
def test_the_critical_path_by_seconds_is_a_chain_that_takes_as_long_as_networkx_says(
    dependencies: dict[str, list[str]], seconds: dict[str, int]
) -> None:
    plan, oracle = DependencyGraph(dependencies).plan(), digraph(dependencies)
    path = plan.critical_path_by(seconds)
    assert sum(seconds.get(key, 0) for key in path) == heaviest_sum(plan, oracle, seconds)
    for below, above in pairwise(path):
        unit = unit_of(plan, above)
        assert below not in unit
        assert any(oracle.has_edge(member, below) for member in unit)


def test_whoever_waits_for_one_key_of_a_cycle_does_not_wait_for_the_others() -> None:
    plan = DependencyGraph({"a": ["b"], "b": ["a"], "c": ["a"]}).plan()
    assert plan.critical_path_by({"a": 1, "b": 4, "c": 2}) == ("b",)
    assert plan.critical_path_by({"a": 3, "b": 4, "c": 2}) == ("a", "c")


@given(graphs(PLAIN_NAMES))
def test_a_plan_of_everything_is_what_networkx_says(dependencies: dict[str, list[str]]) -> None:
    assert_plan_of(DependencyGraph(dependencies).plan(), digraph(dependencies))


@given(graphs(BENT_NAMES), st.lists(st.sampled_from(BENT_NAMES)))
def test_a_plan_of_some_keys_knows_only_the_edges_among_them(
    dependencies: dict[str, list[str]], some: list[str]
) -> None:
    plan = DependencyGraph(dependencies).plan(some)
    assert_plan_of(plan, digraph(dependencies).subgraph(set(some) & set(dependencies)))


@given(graphs(PLAIN_NAMES))
def test_the_critical_path_is_a_chain_through_every_layer(
    dependencies: dict[str, list[str]],
) -> None:
    assert_longest_chain(DependencyGraph(dependencies).plan(), digraph(dependencies))


@pytest.mark.parametrize(
    ("size", "edges_per_key", "cycles"),
    [(3000, 3, 0), (3000, 2, 30), (300, 60, 0), (9000, 3, 20)],
    ids=["wide", "cyclic", "dense", "a component for scipy"],
)
def test_a_large_plan_is_what_networkx_says(size: int, edges_per_key: int, cycles: int) -> None:
    dependencies = random_graph(size, edges_per_key=edges_per_key, cycles=cycles, seed=4)
    plan, oracle = DependencyGraph(dependencies).plan(), digraph(dependencies)
    assert_plan_of(plan, oracle)
    assert_longest_chain(plan, oracle)


def test_keys_are_compared_by_code_point() -> None:
    # In UTF-16 the last two would change places, and a surrogate has no UTF-8.
    keys = ["A", "a", "a1", "a10", "a2", "é", "\ud800", "\uffff", "\U0001f600"]
    assert DependencyGraph({key: [] for key in reversed(keys)}).plan().order == tuple(keys)


def test_a_key_that_depends_on_itself_is_no_cycle() -> None:
    plan = DependencyGraph({"a": ["a"], "b": ["a"]}).plan()
    assert (plan.order, plan.cycles, plan.topo_depth) == (("a", "b"), (), 2)


def test_a_component_behind_keys_of_different_heights_stands_above_the_highest() -> None:
    # a <- b <- c are peeled first; the cycle must not lie where its first member looks.
    graph = {"a": [], "b": ["a"], "c": ["b"], "x": ["a", "y"], "y": ["x", "c"], "z": ["y"]}
    plan = DependencyGraph(graph).plan()
    assert plan.layers == (("a",), ("b",), ("c",), ("x", "y"), ("z",))
    assert plan.critical_path == ("a", "b", "c", "y", "z")


def test_a_plan_of_no_keys_is_empty_and_done() -> None:
    for plan in (DependencyGraph({}).plan(), DependencyGraph({"a": []}).plan([])):
        assert (plan.order, plan.layers, plan.cycles, plan.critical_path) == ((), (), (), ())
        assert (plan.max_layer_width, plan.topo_depth, plan.units) == (0, 0, 0)
        assert plan.ready() == ()
        assert plan.is_done


def test_the_height_of_a_key_outside_the_plan_is_an_error() -> None:
    plan = DependencyGraph({"a": [], "b": []}).plan(["a"])
    for key in ("b", "", "z"):
        with pytest.raises(KeyError, match="not in this plan"):
            plan.height(key)


def test_its_repr_says_its_shape() -> None:
    plan = DependencyGraph({"a": ["b"], "b": ["a"], "c": ["a"]}).plan()
    assert repr(plan) == "<Plan of 3 keys in 2 layers, at most 2 wide, 1 cycles, 0 done>"


def test_wide_narrow_and_wide_again_is_walked_to_the_end() -> None:
    # A fan of 2000, a chain of 2000, a fan of 2000: both ways of walking hand over twice.
    fan: dict[str, list[str]] = {f"in{i}": [] for i in range(2000)}
    chain = {f"link{i:04}": [f"link{i - 1:04}"] if i else list(fan) for i in range(2000)}
    out = {f"out{i}": ["link1999"] for i in range(2000)}
    graph = DependencyGraph({**out, **chain, **fan})
    plan = graph.plan()
    assert (plan.topo_depth, plan.max_layer_width) == (2002, 2000)
    assert graph.invalidated_by(["in7"]) == {"in7", *chain, *out}


def test_more_layers_than_sixteen_bits_count_keep_their_order() -> None:
    keys = [f"{i:05}" for i in range(70_000)]
    above = dict(zip(keys[1:], ([key] for key in keys), strict=False))
    assert DependencyGraph({keys[0]: [], **above}).plan().order == tuple(keys)
