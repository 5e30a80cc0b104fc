"""Visits in dependency order, under a bound."""

from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.slots import Slot
from engine.visit_all import visit_all
from resolver import DependencyGraph

NAMES = [f"n{number}" for number in range(8)]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4))
YIELDS = st.tuples(*[st.integers(0, 3)] * 3)


async def turns(count: int) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


class Recorder:
    """Notes starts, ends and how many visits ran, and had a slot, at once.

    A visit takes so many turns of the loop before its slot, with it and after it.
    """

    def __init__(self, before: int = 0, within: int = 1, after: int = 0) -> None:
        self.events: list[tuple[str, str]] = []
        self.running = self.in_slots = self.most_running = self.most_in_slots = 0
        self._turns = before, within, after

    async def visit(self, key: str, slot: Slot) -> None:
        before, within, after = self._turns
        self.events.append(("start", key))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await turns(before)
        async with slot:
            self.events.append(("enter", key))
            self.in_slots += 1
            self.most_in_slots = max(self.most_in_slots, self.in_slots)
            await turns(within)
            self.in_slots -= 1
        await turns(after)
        self.running -= 1
        self.events.append(("end", key))

    def entered(self) -> list[str]:
        return [key for what, key in self.events if what == "enter"]


async def test_the_limit_is_reached_and_never_passed() -> None:
    recorder = Recorder(within=5)
    plan = DependencyGraph({f"n{number}": () for number in range(20)}).plan()
    await visit_all(plan, recorder.visit, limit=3)
    assert recorder.most_in_slots == 3
    assert len(recorder.entered()) == 20


async def test_as_many_as_have_a_slot_are_made_ready_and_no_more() -> None:
    recorder = Recorder(before=2, within=9, after=2)
    plan = DependencyGraph({f"n{number}": () for number in range(20)}).plan()
    await visit_all(plan, recorder.visit, limit=3)
    assert recorder.most_running == 6


async def test_at_limit_one_slots_are_had_strictly_one_after_the_other() -> None:
    recorder = Recorder(within=5)
    plan = DependencyGraph({"a": (), "b": ("a",), "c": (), "d": ("c",)}).plan()
    await visit_all(plan, recorder.visit, limit=1)
    assert recorder.most_in_slots == 1


async def test_a_slot_goes_to_one_that_is_ready_while_the_visit_before_ends() -> None:
    recorder = Recorder(before=1, within=1, after=20)
    await visit_all(DependencyGraph({"a": (), "b": ()}).plan(), recorder.visit, limit=1)
    assert recorder.events.index(("enter", "b")) < recorder.events.index(("end", "a"))


async def test_a_long_chain_keeps_its_slot_though_others_are_ready() -> None:
    chain = {"a0": (), "a1": ("a0",), "a2": ("a1",), "a3": ("a2",), "a4": ("a3",)}
    leaves = {f"leaf{number}": () for number in range(12)}
    recorder = Recorder(before=1, within=20, after=2)
    await visit_all(DependencyGraph(chain | leaves).plan(), recorder.visit, limit=2)
    # While a step of the chain has one of the slots, a leaf or two have the other one.
    assert recorder.entered().index("a3") <= 7


async def test_an_empty_plan_ends_at_once() -> None:
    await visit_all(DependencyGraph({}).plan(), Recorder().visit, limit=4)


@given(GRAPHS, st.integers(1, 5), YIELDS)
async def test_a_dependent_never_starts_before_its_dependencies_end(
    graph: dict[str, list[str]], limit: int, yields: tuple[int, int, int]
) -> None:
    recorder = Recorder(*yields)
    plan = DependencyGraph(graph).plan()
    component = {key: frozenset(cycle) for cycle in plan.cycles for key in cycle}
    await visit_all(plan, recorder.visit, limit=limit)

    place = {event: number for number, event in enumerate(recorder.events)}
    assert len(place) == len(recorder.events) == 3 * len(graph)
    assert recorder.most_in_slots <= limit
    assert recorder.most_running <= 2 * limit
    for key, dependencies in graph.items():
        for dependency in set(dependencies) & graph.keys() - {key}:
            if dependency not in component.get(key, ()):
                assert place["end", dependency] < place["start", key]


@given(GRAPHS, st.integers(1, 3), st.randoms(use_true_random=False))
async def test_it_ends_however_long_each_part_of_a_visit_takes(
    graph: dict[str, list[str]], limit: int, chance: "st.RandomProxy"
) -> None:
    async def visit(key: str, slot: Slot) -> None:
        await turns(chance.randrange(4))
        if chance.random() < 0.8:
            async with slot:
                await turns(chance.randrange(4))
        await turns(chance.randrange(4))
        visited.append(key)

    visited: list[str] = []
    with anyio.fail_after(10):
        await visit_all(DependencyGraph(graph).plan(), visit, limit=limit)
    assert sorted(visited) == sorted(graph)


def slept() -> tuple[Callable[[str, Slot], object], list[str]]:
    ended: list[str] = []

    async def visit(key: str, slot: Slot) -> None:
        try:
            async with slot:
                if key == "bad":
                    raise RuntimeError("no more")
                await anyio.sleep_forever()
        finally:
            ended.append(key)

    return visit, ended


async def test_what_a_visit_raises_ends_the_others() -> None:
    visit, ended = slept()
    plan = DependencyGraph({"a": (), "b": (), "bad": ()}).plan()
    with pytest.raises(ExceptionGroup) as caught:
        await visit_all(plan, visit, limit=3)  # type: ignore[arg-type]
    assert caught.group_contains(RuntimeError, match="no more")
    assert sorted(ended) == ["a", "b", "bad"]
