"""Slots: who is next, and that none is lost."""

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from engine.slots import NOBODY, Slot, Slots


class Line:
    """Those who wait for a slot, by name, in the order in which they get one."""

    def __init__(self, slots: Slots) -> None:
        self.got: list[str] = []
        self.scopes: dict[str, anyio.CancelScope] = {}
        self._slots = slots

    async def wait(self, name: str, urgency: int) -> None:
        with anyio.CancelScope() as self.scopes[name]:
            await self._slots.wait(urgency)
            self.got.append(name)


async def test_the_most_urgent_is_next_and_among_equals_the_first() -> None:
    slots = Slots(0)
    line = Line(slots)
    async with anyio.create_task_group() as tasks:
        for name, urgency in (("low", 0), ("first", 2), ("second", 2)):
            tasks.start_soon(line.wait, name, urgency)
        await wait_all_tasks_blocked()
        assert slots.urgency == 2
        for _ in range(3):
            slots.give()
            await wait_all_tasks_blocked()
    assert line.got == ["first", "second", "low"]
    assert slots.urgency == NOBODY


@pytest.mark.parametrize("is_given", [False, True], ids=["before it came", "as it came"])
async def test_who_is_cancelled_leaves_the_slot_to_the_next(is_given: bool) -> None:
    slots = Slots(0)
    line = Line(slots)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(line.wait, "cancelled", 1)
            tasks.start_soon(line.wait, "next", 0)
            await wait_all_tasks_blocked()
            if is_given:
                slots.give()
            line.scopes["cancelled"].cancel()
            await wait_all_tasks_blocked()
            # It may have had the slot by then, as anybody who is cancelled a moment later.
            if not is_given or "cancelled" in line.got:
                slots.give()
    assert line.got[-1] == "next"
    assert not slots.take_free()


async def test_a_slot_is_kept_for_what_may_be_released_and_given_up_if_it_is_not() -> None:
    slots = Slots(1)
    line = Line(slots)
    slot = Slot(slots, lambda: NOBODY)
    async with anyio.create_task_group() as tasks:
        slot.begin(2)
        async with slot:
            tasks.start_soon(line.wait, "less urgent", 0)
            await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert line.got == []
        slot.begin(0)
        await wait_all_tasks_blocked()
        assert line.got == ["less urgent"]


async def test_a_slot_is_kept_for_a_more_urgent_visit_that_may_begin() -> None:
    slots = Slots(1)
    line = Line(slots)
    slot = Slot(slots, lambda: 1)
    async with anyio.create_task_group() as tasks:
        slot.begin(0)
        async with slot:
            tasks.start_soon(line.wait, "less urgent", 0)
            await wait_all_tasks_blocked()
        slot.begin(1)
        assert line.got == []
        with anyio.fail_after(10):
            async with slot:
                assert line.got == []
        slot.give_up()
