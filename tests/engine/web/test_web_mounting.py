"""The app below a prefix of a host's, and what it says of itself."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import fastapi
import pytest
from live_trees import OpenEngine
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Mount
from web_server import WRITE, Served, by_token, served

from engine import Engine, Folder
from engine.web import Limits, create_app


def in_starlette(app: Any) -> Any:
    return Starlette(routes=[Mount("/an/index", app)])


def in_fastapi(app: Any) -> Any:
    host = fastapi.FastAPI()
    host.mount("/an/index", app)
    return host


@pytest.mark.parametrize("host", [in_starlette, in_fastapi])
async def test_it_is_mounted_below_any_prefix_before_the_engine_is_open(
    open_engine: OpenEngine, tmp_path: Path, host: Any
) -> None:
    opened: list[Engine] = []
    app = host(create_app(lambda: opened[0], authorize=by_token()))
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    async with served(app, "/an/index") as client, open_engine() as engine:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        opened.append(engine)
        assert (await client.get("/readyz")).status_code == 200
        await engine.add_realm("a/b c", Folder(tmp_path))
        answer = await client.post("/realms/a%2Fb%20c/index")
        assert answer.status_code == 202
        place = answer.headers["location"]
        assert place == f"/an/index/jobs/{answer.json()['id']}"
        await (await engine.job(answer.json()["id"])).finished()
        base = str(client.base_url).removesuffix("/an/index/")
        assert (await client.get(base + place)).json()["state"] == "succeeded"
        # A proxy may decode what a client encoded.
        assert (await client.get("/realms/a/b c/status")).json()["label"] == "indexed 1/1"
        document = (await client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "/an/index"}]
        validate(document)


async def test_the_description_names_every_route(open_engine: OpenEngine, serve: Served) -> None:
    from engine.web.app import ROUTES

    async with open_engine() as engine, serve(engine) as client:
        described = (await client.get("/openapi.json")).json()["paths"]
    told = {(path, method.upper()) for path, each in described.items() for method in each}
    routes = {
        (route.path.replace(":path", ""), method)
        for route in ROUTES
        for method in (route.methods or set()) - {"HEAD"}
    }
    # GitHub is told where to push by people, not by a description.
    assert told == routes - {("/webhooks/github", "POST"), ("/openapi.json", "GET")}


@asynccontextmanager
async def with_content(engine: Engine, root: Path) -> AsyncIterator[None]:
    (root / "a.py").write_text("def f():\n    return 1\n")
    realm = await engine.add_realm("r", Folder(root))
    await (await realm.index()).finished()
    yield


@pytest.mark.long
async def test_it_does_what_its_description_says(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    """Thousands of generated requests: no 500, and no answer that the description forbids.

    Left out: that what fits the description is accepted. A well-formed request may name a
    repository that nobody may index.
    """
    async with (
        open_engine(git_hosts=("nowhere.invalid",)) as engine,
        with_content(engine, tmp_path),
        serve(engine, limits=_UNHURRIED) as client,
    ):
        command = [
            str(Path(sys.executable).parent / "schemathesis"), "run",
            str(client.base_url.join("/openapi.json")),
            "--header", f"Authorization: Bearer {WRITE}",
            "--exclude-path", "/events",
            "--exclude-checks", "unsupported_method,positive_data_acceptance",
            "--request-timeout", "20", "--max-examples", "60", "--continue-on-failure",
        ]  # fmt: skip
        done = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT, cwd=tmp_path)
    print(done.stdout.decode()[-8_000:])  # noqa: T201 - the findings
    assert done.returncode == 0


_UNHURRIED = Limits(requests_per_minute=10_000_000)
