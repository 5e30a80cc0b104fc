"""Definitions that read each other in a cycle finish, in any number of tasks and caches."""

from collections.abc import Iterable, Mapping

import anyio
import pytest
from controlled_loads import PATIENCE_SECONDS
from hypothesis import given, settings
from hypothesis import strategies as st

from prewarm import Definition, DefinitionCache, InProcessCoalescer, MemoryDefinitions, Symbol

Edges = Mapping[str, Iterable[str]]


class Reexports:
    """Loads that offer their own name and all names of what they read."""

    def __init__(self, edges: Edges, store: MemoryDefinitions | None = None) -> None:
        self.edges = edges
        self.loaded: list[str] = []
        coalescer = None if store is None else InProcessCoalescer()
        self.caches = [
            DefinitionCache(self.loader(number), store=store, coalescer=coalescer)
            for number in range(1 if store is None else 2)
        ]

    def loader(self, number: int):  # type: ignore[no-untyped-def]
        async def load(key: str) -> Definition:
            self.loaded.append(key)
            names = {key}
            for read in self.edges.get(key, ()):
                definition = await self.caches[number].get(read)
                names |= {symbol.name for symbol in definition.symbols}
                # Lets the tasks interleave between any two reads.
                await anyio.lowlevel.checkpoint()
            return Definition(key, tuple(Symbol(name, "", "") for name in sorted(names)))

        return load


def names(definition: Definition) -> str:
    return "".join(symbol.name for symbol in definition.symbols)


async def test_a_definition_that_reads_itself_finishes() -> None:
    cycle = Reexports({"a": "a"})
    assert names(await cycle.caches[0].get("a")) == "a"
    assert cycle.caches[0].statistics().size == 1


async def test_only_the_head_of_a_cycle_is_kept_the_others_are_loaded_again() -> None:
    cycle = Reexports({"a": "b", "b": "c", "c": "a"})
    cache = cycle.caches[0]
    assert names(await cache.get("a")) == "abc"
    assert cycle.loaded == ["a", "b", "c"]
    assert (cache.statistics().size, cache.statistics().discarded) == (1, 2)
    assert names(await cache.get("c")) == "abc"
    assert cycle.loaded == ["a", "b", "c", "c"]


async def test_invalidating_what_a_provisional_definition_read_reaches_the_head() -> None:
    cycle = Reexports({"a": "b", "b": ["leaf", "a"]})
    cache = cycle.caches[0]
    await cache.get("a")
    await cache.invalidate(["leaf"])
    cycle.loaded.clear()
    await cache.get("a")
    assert "a" in cycle.loaded


@pytest.mark.parametrize("keys", ["ab", "ba", "abc", "cba", "bca"])
async def test_tasks_that_enter_from_different_ends_finish_with_all_names(keys: str) -> None:
    cycle = Reexports({"a": "b", "b": "c", "c": "a"})
    cache = cycle.caches[0]
    found: dict[str, str] = {}

    async def get(key: str) -> None:
        found[key] = names(await cache.get(key))

    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(get, key)
    assert set(found.values()) == {"abc"}


@settings(deadline=None, max_examples=60)
@given(
    edges=st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4)
    ),
    entries=st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcdef")), max_size=12),
)
async def test_any_graph_entered_from_anywhere_through_two_caches_finishes(
    edges: Edges, entries: list[tuple[int, str]]
) -> None:
    """Two caches that share a store and leaders stand for two processes."""
    graph = Reexports(edges, MemoryDefinitions())

    async def get(number: int, key: str) -> None:
        assert key in names(await graph.caches[number].get(key))

    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as group:
            for number, key in entries:
                group.start_soon(get, number, key)
            group.start_soon(lambda: graph.caches[0].get_many("fedcba", limit=3))
            group.start_soon(lambda: graph.caches[1].get_many("abcdef", limit=3))
    for cache in graph.caches:
        assert cache.statistics().in_flight == 0


@settings(deadline=None, max_examples=60)
@given(
    edges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    limit=st.integers(1, 8),
)
async def test_without_cycles_any_concurrency_gives_the_same_and_loads_each_key_once(
    edges: list[tuple[int, int]], limit: int
) -> None:
    acyclic: dict[str, set[str]] = {}
    for one, other in edges:
        if one != other:
            acyclic.setdefault(str(max(one, other)), set()).add(str(min(one, other)))
    together, alone = Reexports(acyclic, MemoryDefinitions()), Reexports(acyclic)
    found = await together.caches[0].get_many("76543210", limit=limit)
    assert found == {key: await alone.caches[0].get(key) for key in "76543210"}
    assert sorted(together.loaded) == sorted(alone.loaded) == list("01234567")
