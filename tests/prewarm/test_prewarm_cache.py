"""What a cache loads, keeps, shares and forgets, without a database."""

from collections.abc import Callable

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from controlled_loads import Calls, ControlledLoads

from prewarm import (
    Definition,
    DefinitionCache,
    DefinitionError,
    MemoryDefinitions,
    Symbol,
)

ONE = Definition("a", (Symbol("f", "function", "f()"),))


@pytest.fixture
def loads() -> ControlledLoads:
    return ControlledLoads()


async def test_three_callers_of_one_cold_key_cause_one_load(loads: ControlledLoads) -> None:
    cache = DefinitionCache(loads.load)
    async with anyio.create_task_group() as group:
        calls = [Calls(group).start(lambda: cache.get("a")) for _ in range(3)]
        other = Calls(group).start(lambda: cache.get("b"))
        (await loads.begun("a")).succeed("shared")
        (await loads.begun("b")).succeed()
        assert [(await call.result()).detail for call in calls] == ["shared"] * 3
        await other.result()
    statistics = cache.statistics()
    assert (statistics.loads, statistics.shared, statistics.in_flight) == (2, 2, 0)


async def test_an_error_is_shared_then_served_for_its_life_then_loaded_again(
    loads: ControlledLoads,
) -> None:
    now = 0.0
    cache = DefinitionCache(loads.load, error_seconds=5.0, clock=lambda: now)
    async with anyio.create_task_group() as group:
        calls = [Calls(group).start(lambda: cache.get("a")) for _ in range(3)]
        await wait_all_tasks_blocked()
        (await loads.begun("a")).fail(ValueError("line 3:\n unexpected end"))
        for call in calls:
            with pytest.raises(DefinitionError, match="a: ValueError: line 3: unexpected end"):
                await call.result()
        now = 4.9
        with pytest.raises(DefinitionError):
            await cache.get("a")
        assert cache.statistics().loads == 1
        now = 5.0
        healed = Calls(group).start(lambda: cache.get("a"))
        (await loads.begun("a", 2)).succeed("healed")
        assert (await healed.result()).detail == "healed"
    now = 1e9
    assert (await cache.get("a")).detail == "healed"


async def test_a_module_without_definitions_is_a_hit() -> None:
    async def load(key: str) -> Definition:
        return Definition(key)

    cache = DefinitionCache(load)
    assert await cache.get("empty") == await cache.get("empty") == Definition("empty")
    assert cache.statistics().loads == cache.statistics().hits == 1


Invalidate = Callable[[DefinitionCache], object]


@pytest.mark.parametrize("how", ["key", "scope", "everything"])
async def test_what_was_invalidated_while_it_loaded_is_neither_stored_nor_served(
    loads: ControlledLoads, how: str
) -> None:
    store = MemoryDefinitions()
    cache = DefinitionCache(loads.load, store=store)
    invalidate = {
        "key": lambda: cache.invalidate(["a"]),
        "scope": cache.invalidate_all,
        "everything": cache.invalidate_everything,
    }[how]
    async with anyio.create_task_group() as group:
        early = Calls(group).start(lambda: cache.get("a"))
        first = await loads.begun("a")
        await invalidate()
        late = Calls(group).start(lambda: cache.get("a"))
        second = await loads.begun("a", 2)
        first.succeed("old")
        assert (await early.result()).detail == "old"
        assert len(store) == 0
        second.succeed("new")
        assert (await late.result()).detail == "new"
    assert (await cache.get("a")).detail == "new"
    assert len(store) == 1
    assert cache.statistics().discarded == 1


async def test_an_old_load_that_settles_late_does_not_evict_a_newer_entry(
    loads: ControlledLoads,
) -> None:
    store = MemoryDefinitions()
    cache = DefinitionCache(loads.load, store=store)
    async with anyio.create_task_group() as group:
        early = Calls(group).start(lambda: cache.get("a"))
        first = await loads.begun("a")
        await cache.invalidate(["a"])
        late = Calls(group).start(lambda: cache.get("a"))
        (await loads.begun("a", 2)).succeed("new")
        await late.result()
        first.succeed("old")
        await early.result()
    assert (await cache.get("a")).detail == "new"
    assert (await DefinitionCache(loads.load, store=store).get("a")).detail == "new"


async def test_what_reads_an_invalidated_key_while_it_loads_is_discarded_too() -> None:
    loads = ControlledLoads()

    async def load(key: str) -> Definition:
        if key == "reader":
            await cache.get("leaf")
        return await loads.load(key)

    cache = DefinitionCache(load)
    async with anyio.create_task_group() as group:
        call = Calls(group).start(lambda: cache.get("reader"))
        (await loads.begun("leaf")).succeed()
        reader = await loads.begun("reader")
        await cache.invalidate(["leaf"])
        reader.succeed()
        await call.result()
        again = Calls(group).start(lambda: cache.get("reader"))
        (await loads.begun("leaf", 2)).succeed()
        (await loads.begun("reader", 2)).succeed("anew")
        assert (await again.result()).detail == "anew"


async def test_what_names_a_key_that_was_invalidated_while_it_loaded_is_discarded(
    loads: ControlledLoads,
) -> None:
    cache = DefinitionCache(loads.load)
    async with anyio.create_task_group() as group:
        call = Calls(group).start(lambda: cache.get("a"))
        first = await loads.begun("a")
        await cache.invalidate(["unread"])
        first.succeed(dependencies=("unread",))
        await call.result()
    assert cache.statistics().discarded == 1
    assert cache.statistics().size == 0


def chain_of(*keys: str) -> Callable[[str], Definition]:
    """Each is computed from the one before it."""
    before = dict(zip(keys[1:], keys, strict=False))
    return lambda key: Definition(key, dependencies=(before[key],) if key in before else ())


@pytest.mark.parametrize("with_store", [False, True])
@pytest.mark.parametrize("max_entries", [1, 2, 100])
async def test_invalidating_the_leaf_drops_the_chain_and_nothing_else(
    max_entries: int, with_store: bool
) -> None:
    defined = chain_of("leaf", "middle", "top")
    loaded: list[str] = []

    async def load(key: str) -> Definition:
        loaded.append(key)
        return defined(key)

    store = MemoryDefinitions() if with_store else None
    cache = DefinitionCache(load, store=store, max_entries=max_entries)
    for key in ("leaf", "other", "middle", "top"):
        await cache.get(key)
    await cache.invalidate(["leaf"])
    loaded.clear()
    for key in ("top", "middle", "leaf", "other"):
        await cache.get(key)
    if with_store or max_entries > 2:
        assert loaded == ["top", "middle", "leaf"]
    else:
        assert {"top", "middle", "leaf"} <= set(loaded)


async def test_another_cache_of_the_store_is_served_without_a_load(loads: ControlledLoads) -> None:
    store = MemoryDefinitions()

    async def load(key: str) -> Definition:
        return ONE

    assert await DefinitionCache(load, store=store).get("a") == ONE
    second = DefinitionCache(loads.load, store=store)
    assert await second.get("a") == ONE
    assert second.statistics().store_hits == 1
    assert loads.attempts == []


async def test_an_invalidation_elsewhere_is_seen_at_the_next_look_into_the_store() -> None:
    store = MemoryDefinitions()
    content = "old"

    async def load(key: str) -> Definition:
        return Definition(key, detail=content)

    here, elsewhere = DefinitionCache(load, store=store), DefinitionCache(load, store=store)
    await here.get("a")
    content = "new"
    await elsewhere.invalidate(["a"])
    found = await here.get_many(["a", "b"], limit=2)
    assert (await here.get("a")).detail == "new", found


async def test_a_load_is_not_stored_when_another_cache_invalidated_meanwhile(
    loads: ControlledLoads,
) -> None:
    store = MemoryDefinitions()
    here, elsewhere = (DefinitionCache(loads.load, store=store) for _ in range(2))
    async with anyio.create_task_group() as group:
        call = Calls(group).start(lambda: here.get("a"))
        load = await loads.begun("a")
        await elsewhere.invalidate(["a"])
        load.succeed("old")
        await call.result()
        assert len(store) == 0
        again = Calls(group).start(lambda: here.get("a"))
        (await loads.begun("a", 2)).succeed("new")
        assert (await again.result()).detail == "new"


async def test_an_unrelated_invalidation_costs_no_load_in_the_air(loads: ControlledLoads) -> None:
    store = MemoryDefinitions()
    cache = DefinitionCache(loads.load, store=store)
    async with anyio.create_task_group() as group:
        call = Calls(group).start(lambda: cache.get("a"))
        load = await loads.begun("a")
        await cache.invalidate(["unrelated"])
        load.succeed()
        await call.result()
    assert len(store) == 1


async def test_another_version_of_the_content_is_a_miss_in_memory_and_in_the_store(
    loads: ControlledLoads,
) -> None:
    version = "1"
    store = MemoryDefinitions(version_of=lambda _key: version)
    cache = DefinitionCache(loads.load, store=store)
    async with anyio.create_task_group() as group:
        call = Calls(group).start(lambda: cache.get("a"))
        (await loads.begun("a")).succeed("first")
        await call.result()
        version = "2"
        call = Calls(group).start(lambda: cache.get("a"))
        (await loads.begun("a", 2)).succeed("second")
        assert (await call.result()).detail == "second"


async def test_a_store_that_fails_fails_its_callers_and_is_not_taken_for_a_bad_definition() -> None:
    class Unreachable(MemoryDefinitions):
        async def fetch(self, keys: object) -> object:  # type: ignore[override]
            raise ConnectionRefusedError("no database")

    cache = DefinitionCache(ControlledLoads().load, store=Unreachable())  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        await cache.get("a")
    assert cache.statistics().in_flight == 0
