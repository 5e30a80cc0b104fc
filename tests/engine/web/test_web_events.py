"""The event stream: what a reader hears, also one that was away or sits at another server."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from live_trees import OpenEngine
from web_server import Served

from engine import Engine, Folder
from engine.web import Limits


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text("def f():\n    return 1\n")
    return root


class Reader:
    """Reads events of one stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.aiter_lines()
        self.last_id = ""

    async def until(self, state: str) -> list[dict[str, Any]]:
        """The jobs that are told of until one is in this state."""
        heard = []
        with anyio.fail_after(60):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "data":
                    heard.append(json.loads(value))
                elif not line and heard and heard[-1]["state"] == state:
                    return heard
        raise AssertionError(f"the stream ended after {heard}")


@asynccontextmanager
async def reading(client: httpx.AsyncClient, **headers: str) -> AsyncIterator[Reader]:
    async with client.stream("GET", "/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer)


async def run_job(engine: Engine) -> int:
    job = await engine.index("r", from_scratch=True)
    await job.finished()
    return job.id


async def test_a_reader_hears_a_job_from_the_request_to_the_end(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tree))
        async with reading(client) as reader:
            job = await client.post("/realms/r/index")
            heard = await reader.until("succeeded")
        assert {each["id"] for each in heard} == {job.json()["id"]}
        assert (heard[-1]["done"], heard[-1]["total"]) == (1, 1)


async def test_a_reader_that_was_away_hears_of_what_ended_meanwhile(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tree))
        async with reading(client) as reader:
            first = await run_job(engine)
            await reader.until("succeeded")
        missed = [await run_job(engine) for _ in range(3)]
        async with reading(client, **{"Last-Event-ID": reader.last_id}) as reader:
            heard = []
            while not set(missed) <= {each["id"] for each in heard}:
                heard += await reader.until("succeeded")
        assert {each["state"] for each in heard} == {"succeeded"}
        assert {each["id"] for each in heard} <= {first, *missed}
        for junk in ("x", "2026-13-01", "9" * 5_000):
            async with reading(client, **{"Last-Event-ID": junk}):
                pass


async def test_a_reader_at_another_server_hears_the_same(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with (
        open_engine() as engine,
        open_engine() as other,
        serve(engine) as client,
        serve(other) as elsewhere,
    ):
        await engine.add_realm("r", Folder(tree))
        async with reading(elsewhere) as reader:
            job = await client.post("/realms/r/index")
            assert (await reader.until("succeeded"))[-1]["id"] == job.json()["id"]


async def test_streams_are_bounded_and_a_closed_one_gives_its_place_back(
    open_engine: OpenEngine, serve: Served
) -> None:
    async with open_engine() as engine, serve(engine, limits=Limits(streams=2)) as client:
        for _ in range(3):
            async with reading(client) as one, reading(client) as two:
                await anext(one.lines)
                await anext(two.lines)
                refused = await client.get("/events")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
            with anyio.fail_after(30):
                while True:
                    async with client.stream("GET", "/events") as answer:
                        if answer.status_code == 200:
                            break
                    await anyio.sleep(0.02)
