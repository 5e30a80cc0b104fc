"""Passes over several documents that refer to each other, fetched ones, and interrupted ones."""

import json
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from api_catalogues import DOCUMENTS, NAMES, Catalogue, Operation, Schema, catalogues
from api_documents import document
from embedding_provider import Call, HttpEmbedder, embedding_provider
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from live_trees import OpenEngine, live_rows

from engine import Engine, Isolation, OpenApiCatalog, PassReport, Settings

FEW = settings(
    max_examples=2,
    deadline=None,
    # The database is shared by the examples; each has a realm of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(FEW, max_examples=40)
A, B, C = ((name, "X") for name in DOCUMENTS)

# In a circle through three documents, used at one end, and by a callback.
CIRCLE = Catalogue(
    {
        A: Schema("string", "", {B: True}),
        B: Schema("string", "", {C: False}),
        C: Schema("string", "", {A: True}),
        (DOCUMENTS[0], "Y"): Schema("string", "", {}),
    },
    {
        1: Operation(DOCUMENTS[0], [A], None),
        2: Operation(DOCUMENTS[1], [], [C]),
        3: Operation(DOCUMENTS[2], [(DOCUMENTS[0], "Y")], []),
    },
)


async def _index(engine: Engine, root: Path, name: str, **options: Any) -> PassReport:
    realm = await engine.add_realm(name, OpenApiCatalog(root), replace=True)
    return await (await realm.index(**options)).finished()


@FEW
@given(
    catalogue=catalogues,
    schema=st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(NAMES)),
)
@example(catalogue=CIRCLE, schema=B)
async def test_a_schema_visits_who_reaches_it_across_documents_and_nobody_else(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: Catalogue,
    schema: tuple[str, str],
) -> None:
    assume(schema in catalogue.schemas)
    root = tmp_path_factory.mktemp("apis")
    old = catalogue.schemas[schema]
    kind = "integer" if old.kind == "string" else "string"
    changed = {**catalogue.schemas, schema: replace(old, kind=kind)}
    async with open_engine() as engine:
        catalogue.write(root)
        first = await _index(engine, root, root.name)
        replace(catalogue, schemas=changed).write(root)
        second = await _index(engine, root, root.name)
        explained = {key: await engine.explain(root.name, key) for key in catalogue.entries()}
    assert first.visited == first.files == len(catalogue.entries()) + len(catalogue.schemas)
    assert {key for key, each in explained.items() if each.visited} == catalogue.users(schema)
    assert second.visited == len(catalogue.users(schema)) + 1


@settings(FEW, max_examples=1)
@given(steps=st.lists(catalogues, min_size=2, max_size=2))
@example(  # What is named in another document appears, and goes.
    steps=[
        replace(CIRCLE, schemas={A: CIRCLE.schemas[A], C: CIRCLE.schemas[C]}),
        CIRCLE,
        replace(CIRCLE, schemas={A: CIRCLE.schemas[A]}),
    ]
)
async def test_incremental_equals_from_scratch_across_documents(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    dsn: str,
    steps: list[Catalogue],
) -> None:
    await _compare_with_from_scratch(open_engine, tmp_path_factory, dsn, steps)


@pytest.mark.long
@MANY
@given(steps=st.lists(catalogues, min_size=2, max_size=6))
async def test_incremental_equals_from_scratch_across_documents_at_length(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    dsn: str,
    steps: list[Catalogue],
) -> None:
    await _compare_with_from_scratch(open_engine, tmp_path_factory, dsn, steps)


async def _compare_with_from_scratch(
    open_engine: OpenEngine,
    tmp_path_factory: pytest.TempPathFactory,
    dsn: str,
    steps: list[Catalogue],
) -> None:
    root = tmp_path_factory.mktemp("apis")
    fresh_caches = tmp_path_factory.mktemp("caches")
    async with open_engine() as engine:
        for number, catalogue in enumerate(steps):
            catalogue.write(root)
            await _index(engine, root, root.name)
            # From scratch in every sense: what the documents gave is not taken again either.
            anew = OpenApiCatalog(root, cache=fresh_caches / str(number))
            realm = await engine.add_realm(f"{root.name}-{number}", anew)
            await (await realm.index(from_scratch=True)).finished()
            assert await live_rows(dsn, root.name) == await live_rows(dsn, f"{root.name}-{number}")


INDEX = """
import sys
sys.path[:0] = sys.argv[1:2]
import anyio
from test_openapi_catalogues import index_alone
anyio.run(index_alone, *sys.argv[2:])
"""


async def index_alone(dsn: str, url: str, path: str) -> None:
    """A pass in a process of its own."""
    settings = Settings(home=Path(path).parent, dsn=dsn, worker_processes=1, embed_batch_size=16,
                        embed_concurrency=1, isolation=Isolation.INLINE)  # fmt: skip
    async with Engine.open(settings, embedder=HttpEmbedder(url)) as engine:
        await _index(engine, Path(path), "r")


@pytest.mark.long
async def test_a_killed_pass_over_150_operations_goes_on_where_it_was(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps(document({"A": ("string", "", "")}, dict.fromkeys(range(150), "A"))))
    command = [sys.executable, "-c", INDEX, str(Path(__file__).parent), dsn]
    async with embedding_provider() as provider:

        async def hold(call: Call) -> None:
            if call.number > 3:
                await anyio.sleep_forever()

        provider.on_call = hold
        with anyio.fail_after(60):
            async with await anyio.open_process(
                [*command, provider.url, str(path)], stdout=None, stderr=None
            ) as process:
                await provider.until(lambda it: len(it.calls) > 3)
                process.kill()
        paid = {text for call in provider.answered for text in call.texts}
        provider.mend()
        options = {"embed_batch_size": 16, "embed_concurrency": 1, "max_attempts": 3}
        async with open_engine(embedder=HttpEmbedder(provider.url), **options) as engine:
            realm = await engine.add_realm("r", OpenApiCatalog(path), replace=True)
            job = await realm.index()
            with anyio.fail_after(90):
                report = await job.finished()
    assert report.files == 151
    assert len(paid) >= 32
    assert paid.isdisjoint(provider.texts)
    assert len(provider.texts) == len(set(provider.texts))


async def test_a_fetch_that_takes_long_shows_how_far_it_is(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    text = json.dumps(document({"A": ("string", "", "")}, {1: "A"})).encode()
    let_go = threading.Event()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/second.json":
                let_go.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        async with open_engine() as engine:
            catalog = OpenApiCatalog(f"{url}/first.json", f"{url}/second.json")
            job = await (await engine.add_realm("r", catalog)).index()
            try:
                with anyio.fail_after(30):
                    while (await job.refresh()).progress.counts != (1, 2):
                        await anyio.lowlevel.checkpoint()
                phase = job.progress.phase
            finally:
                let_go.set()
            report = await job.finished()
        server.shutdown()
    assert (phase, report.files) == ("fetch", 4)
