"""When each key may start."""

from dataclasses import astuple

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resolver_oracles import PLAIN_NAMES, digraph, graphs, random_graph

from resolver import DependencyGraph, Plan


def needs(oracle: "nx.DiGraph[str]") -> dict[str, set[str]]:
    """For each key what has to be done before it starts."""
    unit = {key: frozenset(c) for c in nx.strongly_connected_components(oracle) for key in c}
    return {
        key: {below for member in unit[key] for below in oracle[member]} - unit[key]
        for key in oracle
    }


@given(graphs(PLAIN_NAMES), st.data())
def test_whatever_finishes_first_keys_are_ready_once_and_as_soon_as_they_may(
    dependencies: dict[str, list[str]], data: st.DataObject
) -> None:
    plan, before = DependencyGraph(dependencies).plan(), needs(digraph(dependencies))
    handed_out: list[str] = []
    running: list[str] = []
    done: set[str] = set()
    while not plan.is_done:
        fresh = plan.ready()
        handed_out += fresh
        running += fresh
        assert set(handed_out) == {key for key, below in before.items() if below <= done}
        key = running.pop(data.draw(st.integers(0, len(running) - 1)))
        plan.done(key)
        done.add(key)
    assert sorted(handed_out) == sorted(dependencies)
    assert plan.ready() == ()


@given(graphs(PLAIN_NAMES), st.integers(1, 3))
def test_with_a_limit_no_more_are_handed_out_and_none_is_lost(
    dependencies: dict[str, list[str]], limit: int
) -> None:
    plan, before = DependencyGraph(dependencies).plan(), needs(digraph(dependencies))
    done: list[str] = []
    while not plan.is_done:
        fresh = plan.ready(limit)
        assert 0 < len(fresh) <= limit
        for key in fresh:
            assert before[key] <= set(done)
        for key in fresh:
            plan.done(key)
            done.append(key)
    assert sorted(done) == sorted(dependencies)


def test_a_large_cyclic_graph_is_worked_off() -> None:
    dependencies = random_graph(4000, edges_per_key=3, cycles=40, seed=5)
    plan, before = DependencyGraph(dependencies).plan(), needs(digraph(dependencies))
    done: set[str] = set()
    while not plan.is_done:
        for key in plan.ready(50):
            assert before[key] <= done
            plan.done(key)
            done.add(key)
    assert done == set(dependencies)


def test_the_longest_remaining_chain_comes_first() -> None:
    graph = {"a": [], "b": [], "c": ["b"], "d": ["c"], "x": [], "y": ["x"]}
    plan = DependencyGraph(graph).plan()
    assert plan.ready(2) == ("b", "x")
    plan.done("b")
    assert plan.ready() == ("c", "a")


def test_among_equals_the_order_of_the_plan_decides() -> None:
    assert DependencyGraph({"c": [], "a": ["d"], "d": ["a"], "b": []}).plan().ready() == (
        "a",
        "d",
        "b",
        "c",
    )


def test_the_keys_of_a_cycle_are_ready_together() -> None:
    plan = DependencyGraph({"a": ["b", "x"], "b": ["a", "y"], "x": [], "y": []}).plan()
    assert plan.ready() == ("x", "y")
    plan.done("x")
    assert plan.ready() == ()
    plan.done("y")
    assert plan.ready() == ("a", "b")


def test_a_dependent_of_a_cycle_waits_only_for_what_it_depends_on_through_it() -> None:
    plan = DependencyGraph({"a": ["b"], "b": ["a"], "c": ["b"]}).plan()
    assert plan.ready() == ("a", "b")
    plan.done("b")
    assert plan.ready() == ("c",)


@pytest.mark.parametrize("key", ["b", "never", "a"])
def test_done_of_a_key_that_is_not_running_is_an_error(key: str) -> None:
    plan = DependencyGraph({"a": [], "b": ["a"], "c": ["b"]}).plan()
    plan.done(*plan.ready())
    with pytest.raises(ValueError, match=f"{key} is not running"):
        plan.done(key)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        DependencyGraph({"a": []}).plan().ready(-1)


def test_a_limit_of_nothing_hands_out_nothing() -> None:
    plan = DependencyGraph({"a": []}).plan()
    assert plan.ready(0) == ()
    assert plan.ready() == ("a",)


def standing(plan: Plan) -> tuple[int, int, int]:
    waiting, running, done = astuple(plan.statistics())[-3:]
    return waiting, running, done


def test_statistics_say_where_a_plan_stands() -> None:
    plan = DependencyGraph({"a": ["b"], "b": ["a"], "c": ["a"]}).plan()
    assert astuple(plan.statistics()) == (3, 2, 2, 2, 1, 2, 3, 0, 0)
    plan.ready()
    assert standing(plan) == (1, 2, 0)
    plan.done("a")
    assert standing(plan) == (1, 1, 1)


def test_two_plans_of_one_graph_are_worked_off_apart() -> None:
    graph = DependencyGraph({"a": []})
    first, second = graph.plan(), graph.plan()
    assert first.ready() == second.ready() == ("a",)
    first.done("a")
    assert first.is_done
    assert not second.is_done
