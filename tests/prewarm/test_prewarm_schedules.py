"""Narrow schedules inside one process, made by hand."""

from collections.abc import Collection

import anyio
from controlled_loads import PATIENCE_SECONDS, Calls, ControlledLoads

from prewarm import Definition, DefinitionCache, Dropped, InProcessCoalescer, MemoryDefinitions


class SlowToInvalidate(MemoryDefinitions):
    """Invalidates once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let_go = anyio.Event(), anyio.Event()

    async def invalidate(self, keys: Collection[str]) -> Dropped:
        self.asked.set()
        await self.let_go.wait()
        return await super().invalidate(keys)


class SlowToLeadMany(InProcessCoalescer):
    """Leads several keys at once only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let_go = anyio.Event(), anyio.Event()

    async def try_lead(self, keys: Collection[str]) -> frozenset[str]:
        if len(keys) > 1:
            self.asked.set()
            await self.let_go.wait()
            return self._take(keys)
        return await super().try_lead(keys)


async def test_a_row_read_while_its_invalidation_is_on_the_way_is_dropped_with_it() -> None:
    content = "old"

    async def load(key: str) -> Definition:
        return Definition(key, detail=content)

    store = SlowToInvalidate()
    await DefinitionCache(load, store=store).get("a")
    cache = DefinitionCache(load, store=store)
    await cache.get("b")
    content = "new"
    async with anyio.create_task_group() as group:
        group.start_soon(cache.invalidate, ["a"])
        await store.asked.wait()
        # Neither before nor after the invalidation, so both answers would be right.
        await cache.get("a")
        store.let_go.set()
    assert (await cache.get("a")).detail == "new"


async def test_what_a_batch_has_loaded_and_not_stored_yet_is_invalidated_too() -> None:
    loads, store = ControlledLoads(), MemoryDefinitions()
    cache = DefinitionCache(loads.load, store=store)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: cache.get_many(["leaf", "reader", "other"], limit=3))
        (await loads.begun("leaf")).succeed("old")
        (await loads.begun("reader")).succeed(dependencies=("leaf",))
        other = await loads.begun("other")
        await anyio.wait_all_tasks_blocked()
        await cache.invalidate(["leaf"])
        other.succeed()
    found = await store.fetch(["leaf", "reader", "other"])
    assert {record.key for record in found.records} == {"other"}


async def test_a_load_stops_waiting_for_a_lead_that_a_batch_of_its_own_cache_took() -> None:
    loads, coalescer = ControlledLoads(), SlowToLeadMany()
    cache = DefinitionCache(loads.load, store=MemoryDefinitions(), coalescer=coalescer)
    await coalescer.try_lead(["a"])
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: cache.get_many(["a", "b"], limit=2))
            await coalescer.asked.wait()
            call = Calls(group).start(lambda: cache.get("a"))
            await anyio.wait_all_tasks_blocked()
            coalescer.let_go.set()
            await coalescer.release(["a"])
            (await loads.begun("a")).succeed()
            (await loads.begun("b")).succeed()
            await call.result()
