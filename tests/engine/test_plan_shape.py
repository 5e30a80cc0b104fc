"""What a report keeps of a plan, held against a pass that is acted out."""

import json
from dataclasses import asdict
from heapq import heappop, heappush
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_trees import OpenEngine, write_tree

from engine import Folder, PassReport, PlanShape
from engine.plan_shape import MAX_STEPS, MAX_WIDTHS, shape_of
from resolver import DependencyGraph, Plan

NAMES = list("abcdefgh")
SOME = st.sampled_from(NAMES)
GRAPHS = st.dictionaries(SOME, st.lists(SOME, max_size=4), min_size=1)
SECONDS = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 9)))


def acted_out(plan: Plan, seconds: dict[str, int], *, concurrency: int) -> int:
    """When the last visit ends if each begins as soon as it may."""
    now, running = 0, list[tuple[int, str]]()
    while not plan.is_done:
        for key in plan.ready(concurrency - len(running)):
            heappush(running, (now + seconds[key], key))
        now, key = heappop(running)
        plan.done(key)
    return now


@given(GRAPHS, SECONDS, st.integers(1, 4))
def test_no_pass_is_over_before_its_bound(
    graph: dict[str, list[str]], seconds: dict[str, int], concurrency: int
) -> None:
    plan = DependencyGraph(graph).plan()
    took = {key: seconds[key] for key in plan}
    shape = shape_of(plan, took, concurrency=concurrency, visit_seconds=0)
    least = acted_out(plan, seconds, concurrency=concurrency)
    assert shape.bound_seconds <= least + 1e-4
    assert shape.work_seconds == sum(took.values())


@given(GRAPHS, SECONDS)
def test_with_a_visitor_for_each_file_a_pass_takes_as_long_as_its_critical_path(
    graph: dict[str, list[str]], seconds: dict[str, int]
) -> None:
    plan = DependencyGraph(graph).plan()
    shape = shape_of(plan, seconds, concurrency=1, visit_seconds=0)
    assert shape.path_seconds == acted_out(plan, seconds, concurrency=len(plan))
    assert sum(step.seconds for step in shape.path) == shape.path_seconds


@pytest.mark.parametrize("layers", [1, MAX_WIDTHS, MAX_WIDTHS + 1, 10_000])
def test_what_is_kept_is_bounded_however_deep_the_plan(layers: int) -> None:
    keys = [f"{number:05}" for number in range(layers)]
    graph = {key: [keys[at - 1]] if at else [] for at, key in enumerate(keys)}
    graph |= {f"{keys[-1]}/{number}": [keys[-2]] for number in range(7) if layers > 1}
    plan = DependencyGraph(graph).plan()
    seconds = {key: 1 + at % 7 for at, key in enumerate(keys)}
    shape = shape_of(plan, seconds, concurrency=4, visit_seconds=0)
    assert len(shape.widths) <= MAX_WIDTHS
    assert max(shape.widths) == plan.max_layer_width
    assert len(shape.widths) == -(-layers // shape.layers_each)
    assert (shape.path_files, len(shape.path)) == (layers, min(layers, MAX_STEPS))
    assert [step.key for step in shape.path] == sorted(step.key for step in shape.path)
    longest = sorted(seconds.values(), reverse=True)[:MAX_STEPS]
    assert sorted((step.seconds for step in shape.path), reverse=True) == longest
    assert PlanShape.from_json(json.loads(json.dumps(asdict(shape)))) == shape


async def test_a_pass_and_its_job_tell_the_plan_to_whoever_looks_later(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    chain = {f"m{at}.py": f"import m{at - 1}\n" if at else "X = 1\n" for at in range(12)}
    tree = write_tree(tmp_path / "tree", chain)
    async with open_engine() as engine:
        realm = await engine.add_realm("r", Folder(tree))
        job = await realm.index()
        report = await job.finished()
        idle = await (await realm.index()).finished()
        stored = (await engine.passes("r"))[1].report
        found = (await engine.job(job.id)).report
    assert stored is not None
    assert PassReport.from_json(stored) == found == report
    assert report.plan is not None
    assert report.plan.widths == (1,) * 12
    assert [step.key for step in report.plan.path] == [f"m{at}.py" for at in range(12)]
    assert report.plan.is_bound_by_path
    assert 0 < report.plan.bound_seconds <= report.plan.visit_seconds <= report.seconds
    assert idle.plan is None
