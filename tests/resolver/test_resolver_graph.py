"""What depends on what, and what a change invalidates."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resolver_oracles import (
    BENT_NAMES,
    PLAIN_NAMES,
    Dependencies,
    assert_plan_of,
    digraph,
    edits,
    graphs,
    looked_for,
    patched,
    random_graph,
)

from resolver import DependencyGraph

STORIES = st.tuples(graphs(BENT_NAMES), st.lists(edits(BENT_NAMES), max_size=4))


@given(graphs(BENT_NAMES))
def test_a_key_depends_on_the_first_hit_of_each_reference(
    dependencies: dict[str, list[str]],
) -> None:
    graph = DependencyGraph(dependencies)
    oracle = digraph(dependencies)
    assert list(graph) == sorted(dependencies)
    for key, references in dependencies.items():
        assert graph.dependencies(key) == tuple(sorted(oracle.successors(key)))
        assert graph.dependents(key) == tuple(sorted(oracle.predecessors(key)))
        assert graph.references(key) == tuple(sorted(set(references)))


@given(graphs(BENT_NAMES), st.sampled_from(BENT_NAMES))
def test_dependents_of_a_missing_name_are_those_that_its_arrival_would_change(
    dependencies: dict[str, list[str]], name: str
) -> None:
    graph = DependencyGraph(dependencies)
    if name in graph:
        return
    arrived = graph.updated({name: []})
    changed = {key for key in graph if graph.dependencies(key) != arrived.dependencies(key)}
    assert set(graph.dependents(name)) >= changed
    assert set(graph.dependents(name)) == {
        key for key, names in looked_for(dependencies).items() if name in names
    }


@given(graphs(PLAIN_NAMES), st.sets(st.sampled_from(PLAIN_NAMES)))
def test_a_change_invalidates_exactly_what_reaches_it(
    dependencies: dict[str, list[str]], seeds: set[str]
) -> None:
    oracle = digraph(dependencies)
    # A missing name is a node here that is no key.
    oracle.add_edges_from((key, name) for key, names in dependencies.items() for name in names)
    reaching = set().union(*(nx.ancestors(oracle, seed) for seed in seeds & set(oracle)), seeds)
    assert DependencyGraph(dependencies).invalidated_by(seeds) == reaching & set(dependencies)


@given(STORIES)
@settings(max_examples=300)
def test_an_edited_graph_equals_one_made_anew(
    story: tuple[Dependencies, list[dict[str, list[str] | None]]],
) -> None:
    dependencies, steps = story
    graph = DependencyGraph(dependencies)
    for changes in steps:
        # Not compared as a whole in between, which would work the edits in.
        graph, dependencies = graph.updated(changes), patched(dependencies, changes)
        anew = DependencyGraph(dependencies)
        assert len(graph) == len(anew)
        for name in BENT_NAMES:
            assert (name in graph) == (name in anew)
            assert graph.dependents(name) == anew.dependents(name)
            assert graph.invalidated_by([name]) == anew.invalidated_by([name])
        for key in dependencies:
            assert graph.dependencies(key) == anew.dependencies(key)
            assert graph.references(key) == anew.references(key)
        some = sorted(dependencies)[::2]
        assert graph.plan(some).order == anew.plan(some).order
    anew = DependencyGraph(dependencies)
    assert graph == anew
    assert graph.plan().layers == anew.plan().layers


@given(graphs(BENT_NAMES), edits(BENT_NAMES))
def test_an_edit_leaves_the_graph_it_came_from_as_it_was(
    dependencies: dict[str, list[str]], changes: dict[str, list[str] | None]
) -> None:
    graph = DependencyGraph(dependencies)
    first = graph.updated(changes)
    graph.updated({name: [*BENT_NAMES] for name in BENT_NAMES})
    assert graph == DependencyGraph(dependencies)
    assert first == DependencyGraph(patched(dependencies, changes))


@given(graphs(BENT_NAMES))
def test_networkx_and_back_gives_the_same_dependencies(
    dependencies: dict[str, list[str]],
) -> None:
    graph = DependencyGraph(dependencies)
    there = graph.to_networkx()
    assert nx.utils.graphs_equal(there, digraph(dependencies))
    back = DependencyGraph.from_networkx(there)
    assert list(back) == list(graph)
    assert all(back.dependencies(key) == graph.dependencies(key) for key in graph)


def test_an_undirected_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="undirected"):
        DependencyGraph.from_networkx(nx.Graph([("a", "b")]))  # type: ignore[arg-type]


def test_the_same_dependency_under_two_names_is_one_edge() -> None:
    graph = DependencyGraph({"a": [], "b": ["./a", "a?x#y"]})
    assert graph.dependencies("b") == ("a",)
    plan = graph.plan()
    assert (plan.order, plan.max_layer_width, plan.topo_depth) == (("a", "b"), 1, 2)


def test_cards_that_name_a_module_without_its_suffix_come_after_it() -> None:
    cards = {f"card{i}.json": ["./person"] for i in range(3)}
    plan = DependencyGraph({**cards, "person.gts": []}).plan()
    assert plan.order == ("person.gts", "card0.json", "card1.json", "card2.json")
    assert (plan.max_layer_width, plan.topo_depth) == (3, 2)


def test_a_better_match_takes_over_when_it_arrives_and_gives_back_when_it_goes() -> None:
    graph = DependencyGraph({"card.json": ["./person"]})
    assert graph.invalidated_by(["person.gts"]) == {"card.json"}
    for arriving in ["person/index.gts", "person.js", "person.gts", "person", "./person"]:
        graph = graph.updated({arriving: []})
        assert graph.dependencies("card.json") == (arriving,)
        assert graph.invalidated_by([arriving]) == {arriving, "card.json"}
    for leaving, heir in [("./person", "person"), ("person", "person.gts")]:
        graph = graph.updated({leaving: None})
        assert graph.dependencies("card.json") == (heir,)
        assert graph.invalidated_by([leaving]) == {"card.json"}


def test_a_weaker_match_that_arrives_changes_nothing() -> None:
    graph = DependencyGraph({"card.json": ["./person"], "person.gts": []})
    assert graph.updated({"person.js": []}).dependents("person.js") == ()


def test_a_key_that_reads_like_a_reference_falls_back_to_what_it_means_when_it_goes() -> None:
    graph = DependencyGraph({"a?x": [], "a": [], "b": ["a?x"]})
    assert graph.dependencies("b") == ("a?x",)
    assert graph.updated({"a?x": None}).dependencies("b") == ("a",)


def test_deleting_a_key_that_is_not_there_changes_nothing() -> None:
    graph = DependencyGraph({"a": ["b"]})
    assert graph.updated({"b": None, "c": None}) == graph


def test_a_key_can_be_deleted_and_come_back_in_the_next_edit() -> None:
    graph = DependencyGraph({"a": [], "b": ["a"]}).updated({"a": None}).updated({"a": ["c"]})
    assert graph == DependencyGraph({"a": ["c"], "b": ["a"]})


def test_graphs_that_write_different_references_differ() -> None:
    assert DependencyGraph({"a": [], "b": ["./a"]}) != DependencyGraph({"a": [], "b": ["a"]})
    assert DependencyGraph({"a": []}) != DependencyGraph({"b": []})
    assert DependencyGraph({"a": []}) != {"a": []}


@pytest.mark.parametrize("wrong", [{"a": "bc"}, {"a": [1]}, {"a": [None]}, {1: []}])
def test_what_is_not_a_collection_of_strings_is_refused(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(TypeError, match="string"):
        DependencyGraph(wrong)


def test_one_string_in_place_of_a_collection_is_refused() -> None:
    graph = DependencyGraph({"a": []})
    for asked in (graph.plan, graph.invalidated_by):
        with pytest.raises(TypeError, match="the string 'a'"):
            asked("a")
    with pytest.raises(TypeError, match="the string 'a'"):
        graph.updated({"b": "a"})


def test_dependencies_may_be_any_iterable() -> None:
    graph = DependencyGraph({"a": (name for name in ["b", "c"]), "b": {"c": 1}, "c": set()})
    assert graph.dependencies("a") == ("b", "c")
    assert graph.dependencies("b") == ("c",)
    assert graph.plan(key for key in "ab").order == ("b", "a")


def test_asking_for_the_dependencies_of_no_key_is_an_error() -> None:
    graph = DependencyGraph({"a": ["gone"]})
    for name in ("gone", "never"):
        with pytest.raises(KeyError, match=name):
            graph.dependencies(name)
    assert graph.dependents("gone") == ("a",)
    assert graph.dependents("never") == ()


def test_its_repr_says_how_large_it_is() -> None:
    graph = DependencyGraph({key: [] for key in "dcba"})
    assert repr(graph) == "<DependencyGraph of 4 keys: a, b, c, ...>"
    assert repr(graph.updated({"a": None})) == "<DependencyGraph of 3 keys: b, c, d>"


@pytest.mark.parametrize("cycles", [0, 40])
def test_large_graphs_give_the_answers_of_small_ones(cycles: int) -> None:
    # Beyond the limit up to which keys are walked one by one.
    dependencies = random_graph(4000, edges_per_key=3, cycles=cycles, seed=1)
    graph, oracle = DependencyGraph(dependencies), digraph(dependencies)
    root = next(iter(dependencies))
    above = nx.ancestors(oracle, root) | {root}
    assert len(above) > 1024
    assert graph.invalidated_by([root]) == above
    assert graph.invalidated_by([root, *list(dependencies)[:2000]]) == above | set(
        list(dependencies)[:2000]
    )
    assert_plan_of(graph.plan(), oracle)
    assert_plan_of(graph.plan(above | {"gone"}), oracle.subgraph(above))


def test_many_edits_give_the_graph_made_anew() -> None:
    # More than are kept lying over the arrays, and some of them in one step.
    dependencies: Dependencies = random_graph(2000, edges_per_key=3, cycles=9, seed=2)
    others = random_graph(2000, edges_per_key=2, cycles=9, seed=3)
    graph, keys = DependencyGraph(dependencies), list(dependencies)
    for place, (key, row) in enumerate(list(others.items())[:600]):
        changes = {key: [*row, keys[place], f"./{place}"], keys[-place]: None}
        graph = graph.updated(changes)
        dependencies = patched(dependencies, changes)
    graph = graph.updated(others)
    assert graph == DependencyGraph(patched(dependencies, others))


def test_a_hub_that_comes_and_goes_is_an_edge_for_all_or_for_none() -> None:
    leaves = {f"leaf{i}": ["hub"] for i in range(3000)}
    graph = DependencyGraph(leaves)
    assert graph.plan().topo_depth == 1
    assert graph.updated({"hub": []}).plan().topo_depth == 2
    assert graph.updated({"hub": []}).updated({"hub": None}).plan().topo_depth == 1
    assert graph.updated({"hub": []}).invalidated_by(["hub"]) == {"hub", *leaves}
