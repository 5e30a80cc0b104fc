"""What every store of definitions promises."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prewarm import (
    Definition,
    DefinitionStore,
    Failure,
    MemoryDefinitions,
    PostgresDefinitions,
    Record,
    ReExport,
    Symbol,
)
from prewarm.statements import statement

VERSIONS: dict[str, str] = {}
AWKWARD_KEYS = ['a "quoted", {key}\\', "line\nbreak", "ключ", "null", "a,b"]


def version_of(key: str) -> str:
    return VERSIONS.get(key, "1")


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[DefinitionStore]:
    VERSIONS.clear()
    if request.param == "memory":
        yield MemoryDefinitions(version_of=version_of)
        return
    async with asyncpg.create_pool(request.getfixturevalue("dsn"), min_size=1, max_size=2) as pool:
        await pool.execute(statement("create_definitions"))
        yield PostgresDefinitions(pool, "realm", version_of=version_of)


def record(key: str, *dependencies: str, version: str = "1", detail: str = "") -> Record:
    definition = Definition(key, dependencies=dependencies, detail=detail)
    return Record(key, version, definition, frozenset(dependencies))


async def put(store: DefinitionStore, *records: Record) -> None:
    generation = (await store.fetch([])).generation
    assert await store.put_many(records, generation=generation) == generation


async def keys_of(store: DefinitionStore, *keys: str) -> set[str]:
    return {found.key for found in (await store.fetch(keys)).records}


async def test_what_was_put_is_found_whole(store: DefinitionStore) -> None:
    definition = Definition(
        "a",
        symbols=(Symbol("f", "function", "f(x: 'é\0') -> None"),),
        reexports=(ReExport("*", "b", "*"),),
        dependencies=("b",),
        detail='{"more": 1}',
    )
    whole = Record("a", "1", definition, frozenset({"b", "c"}))
    await put(store, whole, record("b"))
    found = await store.fetch(["b", "a", "unknown"])
    assert set(found.records) == {whole, record("b")}
    (again,) = (await store.fetch(["a"])).records
    assert isinstance(again.outcome, Definition)
    assert again.outcome.fingerprint == definition.fingerprint


async def test_awkward_keys_are_keys(store: DefinitionStore) -> None:
    await put(store, record("top", *AWKWARD_KEYS), *(record(key) for key in AWKWARD_KEYS))
    assert await keys_of(store, "top", *AWKWARD_KEYS) == {"top", *AWKWARD_KEYS}
    dropped = await store.invalidate([AWKWARD_KEYS[0]])
    assert dropped.keys == {AWKWARD_KEYS[0], "top"}
    assert await keys_of(store, "top", *AWKWARD_KEYS) == set(AWKWARD_KEYS[1:])


async def test_nothing_of_an_older_generation_is_kept(store: DefinitionStore) -> None:
    generation = (await store.fetch(["a"])).generation
    for invalidate in (
        lambda: store.invalidate(["unrelated"]),
        store.invalidate_all,
        store.invalidate_everything,
    ):
        await invalidate()
        current = await store.put_many([record("a")], generation=generation)
        assert current > generation
        assert await keys_of(store, "a") == set()
        generation = current
    assert await store.put_many([record("a")], generation=generation) == generation
    assert await keys_of(store, "a") == {"a"}


async def test_each_invalidation_counts_the_generation_up_by_one(store: DefinitionStore) -> None:
    first = (await store.fetch([])).generation
    assert (await store.invalidate(["a"])).generation == first + 1
    assert await store.invalidate_all() == first + 2
    assert await store.invalidate_everything() == first + 3
    assert (await store.fetch([])).generation == first + 3


async def test_an_invalidation_reaches_what_was_computed_from_it_and_nothing_else(
    store: DefinitionStore,
) -> None:
    await put(
        store,
        record("leaf"),
        record("middle", "leaf"),
        record("top", "middle", "cycle"),
        record("cycle", "top"),
        record("beside", "other"),
    )
    dropped = await store.invalidate(["leaf", "never seen"])
    assert dropped.keys == {"leaf", "never seen", "middle", "top", "cycle"}
    keys = ("leaf", "middle", "top", "cycle", "beside")
    assert await keys_of(store, *keys) == {"beside"}
    await store.invalidate_all()
    assert await keys_of(store, *keys) == set()


async def test_a_row_of_another_version_is_a_miss(store: DefinitionStore) -> None:
    await put(store, record("a", version="1"))
    VERSIONS["a"] = "2"
    assert await keys_of(store, "a") == set()
    await put(store, record("a", version="2", detail="second"))
    assert (await store.fetch(["a"])).records == (record("a", version="2", detail="second"),)


async def test_an_error_is_kept_for_its_life_and_replaced_by_a_success(
    store: DefinitionStore,
) -> None:
    await put(
        store,
        Record("over", "1", Failure("long ago", 0.0)),
        Record("alive", "1", Failure("no such\0file", 3600.0), frozenset({"b"})),
    )
    (found,) = (await store.fetch(["over", "alive"])).records
    assert isinstance(found.outcome, Failure)
    assert found.outcome.reason.startswith("no such")
    assert 0 < found.outcome.life_seconds <= 3600
    assert found.dependencies == {"b"}
    await put(store, record("alive"))
    assert (await store.fetch(["alive"])).records == (record("alive"),)


async def test_no_records_and_no_keys_are_fine(store: DefinitionStore) -> None:
    generation = (await store.fetch([])).generation
    assert await store.put_many([], generation=generation) == generation
    assert (await store.invalidate([])).keys == set()


TEXT = st.text(max_size=8)


@given(
    st.builds(
        Definition,
        st.text(min_size=1),
        symbols=st.lists(st.builds(Symbol, TEXT, TEXT, TEXT), max_size=4).map(tuple),
        reexports=st.lists(st.builds(ReExport, TEXT, TEXT, TEXT), max_size=4).map(tuple),
        dependencies=st.lists(TEXT, max_size=4).map(tuple),
        detail=TEXT,
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_encoding_loses_nothing(definition: Definition) -> None:
    from prewarm.encoding import decode, encode

    again = decode(definition.key, encode(definition))
    assert again == definition
    assert again is not None
    assert again.fingerprint == definition.fingerprint


def test_bytes_of_another_format_are_a_miss() -> None:
    from prewarm.encoding import decode

    assert decode("a", b'[2,{"symbols":[]}]') is None
