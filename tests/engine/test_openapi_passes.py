"""Passes over OpenAPI documents: who is visited, what an entry says, what a failure costs."""

import copy
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from api_documents import NAMES, PETSTORE, document, documents, users
from embedding_provider import Call, HttpEmbedder, Refusal, embedding_provider
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from live_trees import OpenEngine, live_rows

from engine import Engine, JobState, OpenApiCatalog, PassReport

SHARED = settings(
    max_examples=3,
    deadline=None,
    # The database is shared by the examples; each has a realm of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def _index(engine: Engine, path: Path, name: str = "r", **options: Any) -> PassReport:
    catalog = OpenApiCatalog(path, cache=path.parent / "cache")
    realm = await engine.add_realm(name, catalog, replace=True)
    return await (await realm.index(**options)).finished()


async def _visited(engine: Engine, name: str, keys: set[str]) -> set[str]:
    explained = {key: await engine.explain(name, key) for key in keys}
    return {key for key, each in explained.items() if each.visited}


def _write(path: Path, spec: Any) -> Path:
    path.write_text(json.dumps(spec))
    return path


async def test_an_operation_tells_what_it_takes_and_gives(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    path = tmp_path / "petstore.yaml"
    path.write_text(PETSTORE)
    async with open_engine() as engine:
        report = await _index(engine, path)
    rows = {row["key"]: row for row in await live_rows(dsn, "r")}
    assert sorted(rows) == [
        "petstore.yaml/paths/pets/post.openapi-operation",
        "petstore.yaml/paths/pets/{petId}/get.openapi-operation",
        "petstore.yaml/schemas/Error.openapi-schema",
        "petstore.yaml/schemas/Owner.openapi-schema",
        "petstore.yaml/schemas/Pet.openapi-schema",
    ]
    assert report.errors == 0
    own, shape = rows["petstore.yaml/paths/pets/{petId}/get.openapi-operation"]["chunks"]
    assert own["symbol"] == shape["symbol"] == "showPetById"
    for told in ("GET /pets/{petId}", "Info for a specific pet", "tags: pets", "Looks a pet up.",
                 "parameter petId in path, required: string(uuid)",
                 "response 200: The pet", "application/json: @Pet"):  # fmt: skip
        assert told in own["text"]
    assert shape["text"] == (
        'Pet {id: integer(int64), kind?: "cat" | "dog", '
        "owner?: Owner {name?: string | null, pets?: Pet[]}}\n"
        "Error {message?: string}"
    )
    (post, _) = rows["petstore.yaml/paths/pets/post.openapi-operation"]["chunks"]
    assert post["symbol"] == "POST /pets"


async def test_prose_about_a_schema_concerns_nobody_else(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    path = tmp_path / "petstore.yaml"
    path.write_text(PETSTORE)
    async with open_engine() as engine:
        await _index(engine, path)
        path.write_text(PETSTORE.replace("A pet of the store.", "An animal."))
        report = await _index(engine, path)
        hits = await engine.search("animal", realm="r", limit=1)
    assert (report.modified, report.visited, report.cut_off) == (1, 1, 2)
    assert hits[0].path == "petstore.yaml/schemas/Pet.openapi-schema"


@SHARED
@given(spec=documents, schema=st.sampled_from(NAMES))
@example(  # Through two others, and in a circle.
    spec=document(
        {
            "A": ("string", "", "B"),
            "B": ("string", "", "C"),
            "C": ("string", "", "A"),
            "D": ("string", "", ""),
        },
        {1: "A", 2: "B", 3: "C", 4: "D", 5: "AD"},
    ),
    schema="C",
)
async def test_a_changed_schema_visits_the_operations_that_use_it_and_no_others(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    spec: dict[str, Any],
    schema: str,
) -> None:
    assume(schema in spec["components"]["schemas"])
    path = _write(tmp_path_factory.mktemp("spec") / "s.json", spec)
    name = path.parent.name
    changed = copy.deepcopy(spec)
    changed["components"]["schemas"][schema]["properties"]["more"] = {"type": "number"}
    async with open_engine() as engine:
        first = await _index(engine, path, name)
        _write(path, changed)
        second = await _index(engine, path, name)
        operations = {f"s.json/paths{each}/get.openapi-operation" for each in spec["paths"]}
        visited = await _visited(engine, name, operations)
    expected = {f"s.json/paths{each}/get.openapi-operation" for each in users(spec, schema)}
    assert first.visited == first.files == len(operations) + len(spec["components"]["schemas"])
    assert visited == expected
    assert second.visited == len(expected) + 1


@SHARED
@given(specs=st.lists(documents, min_size=2, max_size=4))
@example(  # A schema that is named before it exists, by a schema in between.
    specs=[
        document({"A": ("string", "", "B")}, {1: "A"}),
        document({"A": ("string", "", "B"), "B": ("string", "", "A")}, {1: "A"}),
        document({"A": ("string", "", "B")}, {1: "A"}),
    ]
)
async def test_incremental_equals_from_scratch(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    dsn: str,
    specs: list[dict[str, Any]],
) -> None:
    path = tmp_path_factory.mktemp("spec") / "s.json"
    name = path.parent.name
    async with open_engine() as engine:
        for number, spec in enumerate(specs):
            _write(path, spec)
            await _index(engine, path, name)
            await _index(engine, path, f"{name}-{number}", from_scratch=True)
            assert await live_rows(dsn, name) == await live_rows(dsn, f"{name}-{number}")


async def test_removed_operations_and_schemas_go(open_engine: OpenEngine, tmp_path: Path) -> None:
    spec = yaml.safe_load(PETSTORE)
    path = _write(tmp_path / "s.json", spec)
    async with open_engine() as engine:
        before = await _index(engine, path)
        del spec["paths"]["/pets"]
        del spec["components"]["schemas"]["Owner"]
        _write(path, spec)
        after = await _index(engine, path)
        entry = await engine.entry("r", "s.json/schemas/Pet.openapi-schema")
    assert (before.files, after.files, after.deleted) == (5, 3, 2)
    assert "refers to s.json/schemas/Owner.openapi-schema, which is not there" in entry.diagnostics


async def test_a_document_that_breaks_keeps_its_operations_and_says_why(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "apis"
    folder.mkdir()
    (folder / "a.yaml").write_text(PETSTORE)
    (folder / "b.yaml").write_text(PETSTORE)
    (folder / "notes.yaml").write_text("no: document\n")
    async with open_engine() as engine:
        before = await _index(engine, folder)
        (folder / "a.yaml").write_text(PETSTORE + "\n  - [not yaml\n")
        broken = await _index(engine, folder)
        ((key, reason),) = await engine.errors("r", limit=9)
        (folder / "a.yaml").write_text(PETSTORE)
        mended = await _index(engine, folder)
    assert (before.files, before.errors) == (10, 0)
    assert (broken.files, broken.errors, broken.deleted, broken.visited) == (11, 1, 0, 0)
    assert key == "a.yaml"
    assert "line" in reason
    assert (mended.files, mended.errors, mended.visited) == (10, 0, 0)


def _large(operations: int) -> dict[str, Any]:
    return document({"A": ("string", "", "")}, dict.fromkeys(range(operations), "A"))


async def test_a_slow_embedder_shows_progress_and_a_failed_pass_is_not_paid_for_twice(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    path = _write(tmp_path / "s.json", _large(150))
    async with embedding_provider() as provider:
        open_gate = anyio.Event()

        async def fail_later(call: Call) -> None:
            if call.number > 2:
                await open_gate.wait()
                raise Refusal(400)

        provider.on_call = fail_later
        embedder = HttpEmbedder(provider.url)
        async with open_engine(embedder=embedder, embed_batch_size=16) as engine:
            catalog = OpenApiCatalog(path, cache=tmp_path / "cache")
            realm = await engine.add_realm("r", catalog)
            job = await realm.index()
            with anyio.fail_after(60):
                while not (await job.refresh()).progress.done:
                    pass
            progress = (await job.refresh()).progress
            open_gate.set()
            with pytest.raises(Exception, match="400"), anyio.fail_after(60):
                await job.finished()
            paid = {text for call in provider.answered for text in call.texts}
            provider.mend()
            report = await (await realm.index()).finished()
            state = (await job.refresh()).state
    assert (state, progress.total) == (JobState.FAILED, 151)
    assert 0 < progress.done < 151
    assert report.files == 151
    assert paid
    assert paid.isdisjoint(provider.texts)
