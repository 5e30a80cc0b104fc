"""What to set follows from times, shape and settings, whatever the unit and the order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knee import (
    CAP_SETTING,
    TABS_SETTING,
    TOLERANCE,
    Ceiling,
    Sample,
    Shape,
    advise,
    knee_of,
)

# Tabs for 64 visits, four at once as set; nothing in the graph stands in the way.
WIDE = Shape(files=1_000, width=900, depth=2, chain_seconds=0.01, envelope=64, cap=4)

seconds = st.floats(0.001, 1_000)
samples = st.dictionaries(st.integers(1, 64), seconds, min_size=1, max_size=8).map(
    lambda found: [Sample(cap, cap, took, took / 10) for cap, took in found.items()]
)
shapes = st.builds(
    Shape,
    files=st.integers(1, 10_000),
    width=st.integers(1, 1_000),
    depth=st.integers(1, 100),
    chain_seconds=st.floats(0, 100),
    envelope=st.integers(1, 64),
    cap=st.integers(1, 64),
)


def runs(*times: float, cpu: float = 0.1) -> list[Sample]:
    """At caps 1, 2, 4 and so on."""
    return [Sample(2**at, 2**at, took, took * cpu) for at, took in enumerate(times)]


@given(samples)
def test_the_knee_is_about_as_quick_as_the_best_and_no_lower_cap_is(found: list[Sample]) -> None:
    knee, bound = knee_of(found), min(each.seconds for each in found) * (1 + TOLERANCE)
    times = {each.cap: each.seconds for each in found}
    assert times[knee] <= bound
    assert all(took > bound for cap, took in times.items() if cap < knee)


@given(samples, shapes, st.randoms())
def test_advice_does_not_depend_on_the_order_of_the_runs(
    found: list[Sample], shape: Shape, chance: object
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert advise(shuffled, shape) == advise(found, shape)


@given(samples, shapes, st.sampled_from([2.0**-6, 2.0**6]))
def test_a_machine_of_another_speed_gets_the_same_advice(
    found: list[Sample], shape: Shape, factor: float
) -> None:
    scaled = [
        replace(each, seconds=each.seconds * factor, cpu_seconds=each.cpu_seconds * factor)
        for each in found
    ]
    other = advise(scaled, replace(shape, chain_seconds=shape.chain_seconds * factor))
    same = advise(found, shape)
    assert (other.knee, other.ceiling, other.value) == (same.knee, same.ceiling, same.value)


@given(samples, shapes)
def test_advice_names_a_cap_that_was_tried_or_raises_what_binds(
    found: list[Sample], shape: Shape
) -> None:
    advice = advise(found, shape)
    tried = {each.cap for each in found}
    assert advice.knee in tried
    assert advice.value in {*tried, shape.cap} or advice.value > min(shape.cap, shape.envelope)


def test_a_cap_below_the_knee_binds() -> None:
    advice = advise(runs(8, 4, 2, 1, 1), WIDE)
    assert (advice.knee, advice.ceiling) == (8, Ceiling.CAP)
    assert (advice.setting, advice.value) == (CAP_SETTING, 8)


def test_tabs_bind_where_each_raise_paid_up_to_what_they_allow() -> None:
    advice = advise(runs(8, 4, 2), replace(WIDE, envelope=4))
    assert (advice.knee, advice.ceiling) == (4, Ceiling.SUPPLY)
    assert (advice.setting, advice.value) == (TABS_SETTING, 9)
    assert "5 tabs" in advice.reason


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (replace(WIDE, width=4), "4 files wide"),
        (replace(WIDE, chain_seconds=2.0, depth=7), "of 7 layers, takes 2.00 s"),
    ],
)
def test_the_graph_binds_where_no_setting_helps(shape: Shape, reason: str) -> None:
    advice = advise(runs(8, 4, 2.05, 2, 2), shape)
    assert (advice.ceiling, advice.value) == (Ceiling.GRAPH, 4)
    assert reason in advice.reason


def test_few_files_are_visited_one_by_one_whatever_is_set() -> None:
    advice = advise([Sample(1, 1, 1.0, 0.1)], replace(WIDE, files=5, width=5))
    assert (advice.ceiling, advice.value) == (Ceiling.GRAPH, 4)
    assert "one by one" in advice.reason


@pytest.mark.parametrize(("cpu", "reason"), [(0.95, "95% of the core"), (0.1, "wait for")])
def test_what_visits_need_binds_where_more_at_once_is_no_quicker(cpu: float, reason: str) -> None:
    advice = advise(runs(8, 4.1, 4, 4.8, cpu=cpu), WIDE)
    assert (advice.knee, advice.ceiling, advice.value) == (2, Ceiling.SUPPLY, 4)
    assert reason in advice.reason


def test_a_cap_that_makes_it_slower_is_lowered() -> None:
    assert advise(runs(8, 4, 6, 8), WIDE).value == 2
