"""The least that visits can take, and a service of tabs that is really stuck when it should be."""

import heapq

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.prerender_service import Behaviour, prerender_service
from benchmarks.visit_figures import bound_seconds
from benchmarks.visit_graphs import MADE, recorded
from resolver import DependencyGraph

SECOND = Behaviour(visit_seconds=1.0)
PATIENCE_SECONDS = 60


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Acyclic: each key needs some of those before it."""
    keys = [f"k{at}" for at in range(draw(st.integers(1, 20)))]
    return {
        key: draw(st.lists(st.sampled_from(keys[:at]), max_size=3, unique=True)) if at else []
        for at, key in enumerate(keys)
    }


def simulated(graph: dict[str, list[str]], behaviour: Behaviour, slots: int) -> float:
    """When the last visit ends if a free slot takes whatever is ready."""
    plan = DependencyGraph(graph).plan()
    now, running, ready = 0.0, list[tuple[float, str]](), list(plan.ready())
    while ready or running:
        while ready and len(running) < slots:
            key = ready.pop(0)
            heapq.heappush(running, (now + behaviour.seconds(key), key))
        now, key = heapq.heappop(running)
        plan.done(key)
        ready += plan.ready()
    return now


@settings(max_examples=40)
@given(graphs(), st.integers(1, 5), st.floats(0, 1))
def test_no_schedule_is_shorter_than_the_bound_and_a_greedy_one_within_twice(
    graph: dict[str, list[str]], slots: int, jitter: float
) -> None:
    behaviour = Behaviour(visit_seconds=1.0, jitter=jitter)
    took = simulated(graph, behaviour, slots)
    bound = bound_seconds(graph, behaviour, slots=slots)
    assert bound <= took * 1.000001
    assert took <= 2 * bound * 1.000001


def test_the_bound_of_known_shapes() -> None:
    assert bound_seconds(MADE["chain"](8), SECOND, slots=4) == 8
    assert bound_seconds(MADE["star"](9), SECOND, slots=4) == 9 / 4
    assert bound_seconds({"a": ["b"], "b": ["a"]}, SECOND, slots=2) == 1
    assert DependencyGraph(recorded("django")).plan().topo_depth > 10


def test_a_key_takes_as_long_each_time_and_some_stall() -> None:
    behaviour = Behaviour(visit_seconds=1.0, jitter=0.5, stall_rate=0.5, stall_seconds=100.0)
    times = [behaviour.seconds(f"key{at}") for at in range(50)]
    assert times == [behaviour.seconds(f"key{at}") for at in range(50)]
    assert {0.5 <= each <= 1.5 or 100.5 <= each <= 101.5 for each in times} == {True}
    assert 10 < sum(each > 100 for each in times) < 40


async def test_a_card_in_the_last_tab_waits_for_its_module_until_it_is_given_up() -> None:
    card = {"realm": "one", "key": "a.json", "document": {"classes": ["m.gts#M"]}}
    with prerender_service() as url:
        async with httpx.AsyncClient(base_url=url, timeout=None, trust_env=False) as client:
            for tabs, limit_seconds, status in ((1, 0.1, 504), (2, PATIENCE_SECONDS, 200)):
                behaviour = {"tabs": tabs, "visit_seconds": 0.001, "limit_seconds": limit_seconds}
                await client.put("/behaviour", json=behaviour)
                assert (await client.post("/card", json=card)).status_code == status
                log = (await client.get("/log")).json()
                assert [call["kind"] for call in log] == ["card", "module"]
                assert log[0]["is_late"] is (status == 504)
