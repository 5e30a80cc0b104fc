"""The table of graphs with known plans. Its conventions stand at its top."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolver import DependencyGraph, Plan

TABLE = json.loads(Path(__file__).with_name("cases").joinpath("graphs.json").read_text("utf-8"))
SMALL = [case for case in TABLE["cases"] if "generator" not in case]
LARGE = [case for case in TABLE["cases"] if "generator" in case]


def names(cases: list[dict[str, Any]]) -> list[str]:
    return [case["name"] for case in cases]


def plan_of(graph: DependencyGraph, seeds: list[str] | None) -> Plan:
    return graph.plan() if seeds is None else graph.plan(graph.invalidated_by(seeds))


def assert_as_expected(plan: Plan, expected: dict[str, Any]) -> None:
    assert sorted(plan.order) == expected["closure"]
    assert list(plan.order) == expected["order"]
    assert [list(layer) for layer in plan.layers] == expected["layers"]
    assert {key: plan.height(key) for key in plan} == expected["depth"]
    assert plan.max_layer_width == expected["max_layer_width"]
    assert plan.topo_depth == expected["topo_depth"]
    assert plan.units == expected["units"]


@pytest.mark.parametrize("case", SMALL, ids=names(SMALL))
def test_the_plan_is_the_one_in_the_table(case: dict[str, Any]) -> None:
    graph = DependencyGraph(case["deps"])
    assert_as_expected(plan_of(graph, case.get("seeds")), case["expected"])


@pytest.mark.parametrize("case", SMALL, ids=names(SMALL))
def test_the_plan_does_not_depend_on_the_order_in_which_files_are_found(
    case: dict[str, Any],
) -> None:
    backwards = {key: case["deps"][key][::-1] for key in reversed(case["deps"])}
    assert_as_expected(plan_of(DependencyGraph(backwards), case.get("seeds")), case["expected"])


@pytest.mark.parametrize("case", TABLE["delta_cases"], ids=names(TABLE["delta_cases"]))
def test_the_plan_after_edits_is_the_one_in_the_table(case: dict[str, Any]) -> None:
    graph = DependencyGraph(case["deps"])
    for step in case["steps"]:
        graph = graph.updated(step["delta"])
        assert_as_expected(plan_of(graph, step["seeds"]), step["expected"])


def generated(kind: str, keys: list[str]) -> Iterator[tuple[str, list[str]]]:
    for i, key in enumerate(keys):
        if kind == "chain_rev":
            yield key, keys[i + 1 : i + 2]
        else:
            yield key, keys[: min(i, 1)] if kind == "star" else keys[max(i - 1, 0) : i]


@pytest.mark.parametrize("case", LARGE, ids=names(LARGE))
def test_a_million_keys_need_neither_recursion_nor_quadratic_time(case: dict[str, Any]) -> None:
    rule, expected = case["generator"], case["expected"]
    keys = [rule["key"] % i for i in range(rule["n"])]
    plan = DependencyGraph(dict(generated(rule["kind"], keys))).plan()
    assert len(plan) == expected["n"]
    assert plan.topo_depth == expected["topo_depth"]
    assert plan.max_layer_width == expected["max_layer_width"]
    assert plan.units == expected["units"]
    for key, height in expected["depth_samples"].items():
        assert plan.height(key) == height
    assert len(plan.critical_path) == expected["topo_depth"]
