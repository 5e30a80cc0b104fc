"""Visits in dependency order, under a bound."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.visit_all import visit_all
from resolver import DependencyGraph

NAMES = [f"n{number}" for number in range(8)]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4))


class Recorder:
    """Notes starts, ends and how many visits ran at once."""

    def __init__(self, yields: int = 1) -> None:
        self.events: list[tuple[str, str]] = []
        self.running = self.peak = 0
        self._yields = yields

    async def visit(self, key: str) -> None:
        self.events.append(("start", key))
        self.running += 1
        self.peak = max(self.peak, self.running)
        for _ in range(self._yields):
            await anyio.lowlevel.checkpoint()
        self.running -= 1
        self.events.append(("end", key))


async def test_the_limit_is_reached_and_never_passed() -> None:
    recorder = Recorder(yields=5)
    plan = DependencyGraph({f"n{number}": () for number in range(20)}).plan()
    await visit_all(plan, recorder.visit, limit=3)
    assert recorder.peak == 3
    assert len(recorder.events) == 40


async def test_limit_one_visits_strictly_one_after_the_other() -> None:
    recorder = Recorder(yields=5)
    plan = DependencyGraph({"a": (), "b": ("a",), "c": (), "d": ("c",)}).plan()
    await visit_all(plan, recorder.visit, limit=1)
    assert recorder.peak == 1


async def test_an_empty_plan_ends_at_once() -> None:
    await visit_all(DependencyGraph({}).plan(), Recorder().visit, limit=4)


@given(GRAPHS, st.integers(1, 5), st.integers(0, 3))
async def test_a_dependent_never_starts_before_its_dependencies_end(
    graph: dict[str, list[str]], limit: int, yields: int
) -> None:
    recorder = Recorder(yields)
    plan = DependencyGraph(graph).plan()
    component = {key: frozenset(cycle) for cycle in plan.cycles for key in cycle}
    await visit_all(plan, recorder.visit, limit=limit)

    place = {event: number for number, event in enumerate(recorder.events)}
    assert len(place) == len(recorder.events) == 2 * len(graph)
    for key, dependencies in graph.items():
        for dependency in set(dependencies) & graph.keys() - {key}:
            if dependency not in component.get(key, ()):
                assert place["end", dependency] < place["start", key]


async def test_what_a_visit_raises_ends_the_others() -> None:
    ended: list[str] = []

    async def visit(key: str) -> None:
        if key == "bad":
            raise RuntimeError("no more")
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(key)

    plan = DependencyGraph({"a": (), "b": (), "bad": ()}).plan()
    with pytest.raises(ExceptionGroup) as caught:
        await visit_all(plan, visit, limit=3)
    assert caught.group_contains(RuntimeError, match="no more")
    assert sorted(ended) == ["a", "b"]
