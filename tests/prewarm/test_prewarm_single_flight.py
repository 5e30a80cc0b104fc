"""Work is shared, errors too, and whoever is alive does it."""

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from controlled_loads import Calls, ControlledLoads

from prewarm import CircularWait, Definition, SingleFlight


@pytest.fixture
def loads() -> ControlledLoads:
    return ControlledLoads()


async def test_callers_at_once_share_one_result(loads: ControlledLoads) -> None:
    flights: SingleFlight[str, Definition] = SingleFlight()
    async with anyio.create_task_group() as group:
        calls = [
            Calls(group).start(lambda: flights.do("a", lambda: loads.load("a"))) for _ in range(3)
        ]
        await wait_all_tasks_blocked()
        (await loads.begun("a")).succeed("once")
        assert {(await call.result()).detail for call in calls} == {"once"}
    assert len(loads.attempts) == 1
    assert len(flights) == 0


async def test_an_error_goes_to_those_who_waited_and_the_next_caller_works_anew(
    loads: ControlledLoads,
) -> None:
    flights: SingleFlight[str, Definition] = SingleFlight()
    async with anyio.create_task_group() as group:
        calls = [
            Calls(group).start(lambda: flights.do("a", lambda: loads.load("a"))) for _ in range(3)
        ]
        await wait_all_tasks_blocked()
        (await loads.begun("a")).fail(ValueError("broken"))
        for call in calls:
            with pytest.raises(ValueError, match="broken"):
                await call.result()
        later = Calls(group).start(lambda: flights.do("a", lambda: loads.load("a")))
        (await loads.begun("a", 2)).succeed()
        await later.result()


async def test_those_who_wait_get_a_result_when_the_first_caller_is_cancelled(
    loads: ControlledLoads,
) -> None:
    flights: SingleFlight[str, Definition] = SingleFlight()
    async with anyio.create_task_group() as group:
        calls = [
            Calls(group).start(lambda: flights.do("a", lambda: loads.load("a"))) for _ in range(3)
        ]
        await loads.begun("a")
        calls[0].scope.cancel()
        (await loads.begun("a", 2)).succeed("handed over")
        assert (await calls[1].result()).detail == "handed over"
        assert (await calls[2].result()).detail == "handed over"
    assert len(loads.attempts) == 2


async def test_work_that_nobody_waits_for_is_cancelled() -> None:
    flights: SingleFlight[str, None] = SingleFlight()
    ended: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(flights.do, "a", work)
        await wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    # Each heir finds itself cancelled before it begins anew, or at its first await.
    assert set(ended) == {"cancelled"}
    assert len(flights) == 0


async def test_a_forgotten_flight_still_lands_for_those_on_board(loads: ControlledLoads) -> None:
    flights: SingleFlight[str, Definition] = SingleFlight()
    async with anyio.create_task_group() as group:
        first = Calls(group).start(lambda: flights.do("a", lambda: loads.load("a")))
        old = await loads.begun("a")
        flights.forget("a")
        second = Calls(group).start(lambda: flights.do("a", lambda: loads.load("a")))
        (await loads.begun("a", 2)).succeed("new")
        old.succeed("old")
        assert (await first.result()).detail == "old"
        assert (await second.result()).detail == "new"


async def test_a_flight_that_would_wait_for_itself_says_so_across_single_flights() -> None:
    left: SingleFlight[str, None] = SingleFlight()
    right: SingleFlight[str, None] = SingleFlight()

    async def to_the_right() -> None:
        await right.do("b", to_the_left)

    async def to_the_left() -> None:
        await left.do("a", to_the_right)

    with pytest.raises(CircularWait):
        await left.do("a", to_the_right)
    assert len(left) == len(right) == 0
