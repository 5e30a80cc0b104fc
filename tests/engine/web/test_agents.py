"""Agents over HTTP, by the client of the protocol's own kit, behind the gate of all callers."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import msgspec
import pytest
from live_trees import OpenEngine, write_tree
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.routing import Mount
from web_server import READ, WRITE, Served, by_tenant, by_token, served

from engine import Folder
from engine.web import create_app
from engine.web.agents.protocol import described
from engine.web.agents.tools import MAX_ANSWER_CHARS, TOOLS, Tool

MODES = ("auto", "legacy")
LOOKING = ["search", "read_lines", "outline", "dependencies", "impact", "status"]
ASK = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "status", "arguments": {}},
}
ACCEPTED = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    money = "def refund(order):\n    return order.total\n"
    shop = "from money import refund\n\n\ndef sell():\n    refund(1)\n"
    return write_tree(tmp_path / "tree", {"money.py": money, "shop.py": shop})


@asynccontextmanager
async def agent(
    client: httpx.AsyncClient, mode: str = "auto", **headers: str
) -> AsyncIterator["Agent"]:
    """An agent that has found the server of `client`, with its headers unless others are given."""
    place = str(client.base_url.join("mcp"))
    shown = headers or {"authorization": client.headers["authorization"]}
    async with (
        httpx2.AsyncClient(headers=shown) as http,
        Client(streamable_http_client(place, http_client=http), mode=mode) as found,
    ):
        yield Agent(found)


class Agent:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, name: str, **arguments: Any) -> str:
        done = await self.client.call_tool(name, arguments)
        assert not done.is_error, done
        return str(done.content[0].text)

    async def refused(self, name: str, **arguments: Any) -> str:
        done = await self.client.call_tool(name, arguments)
        assert done.is_error, done
        return str(done.content[0].text)


@pytest.mark.parametrize("mode", MODES)
async def test_an_agent_finds_reads_and_asks_what_a_change_concerns(
    open_engine: OpenEngine, serve: Served, tree: Path, mode: str
) -> None:
    async with open_engine() as engine, serve(engine, token=READ) as client:
        realm = await engine.add_realm("shop", Folder(tree))
        await (await realm.index()).finished()
        async with agent(client, mode) as ann:
            assert await ann.tools() == LOOKING
            (hit, *_) = (await client.get("/search?q=refund")).json()["hits"]
            found = await ann.call("search", query="refund")
            place = f"{hit['path']}:{hit['start_line']}-{hit['end_line']}  {hit['symbol']}"
            assert place in found
            assert "1  def refund(order):" in found
            lines = await ann.call("read_lines", path="money.py", end_line=1)
            assert lines.splitlines() == [
                "money.py:1-1 of 2 lines; shop, generation 1",
                "1  def refund(order):",
                "more with start_line=2",
            ]
            by_place = await ann.call("read_lines", path=str(tree / "money.py"), end_line=1)
            assert (
                by_place
                == lines
                == await ann.call("read_lines", path="./money.py", end_line=1, realm="shop")
            )
            assert "4-5  def sell()" in await ann.call("outline", path="shop.py")
            assert "read by 1\n    shop.py" in await ann.call("dependencies", path="money.py")
            assert "concerns 1 file," in await ann.call("impact", path="money.py")
            assert "indexed 2/2" in await ann.call("status")


async def test_what_is_wrong_is_said_in_words_that_tell_what_to_do(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client, agent(client) as ann:
        for name in ("a", "b"):
            await (await (await engine.add_realm(name, Folder(tree))).index()).finished()
        for name, given, said in (
            (
                "read_lines",
                {"path": "money.py"},
                "in several realms: give `realm`, one of 'a', 'b'",
            ),
            ("read_lines", {"path": str(tree / "money.py")}, "in several realms"),
            ("read_lines", {"path": "no.py"}, "take a path as `search` shows it"),
            ("read_lines", {"path": "no.py", "realm": "a"}, "no entry for 'no.py'"),
            ("read_lines", {"path": "/etc/passwd"}, "no realm has a file '/etc/passwd'"),
            ("outline", {"path": "../../etc/passwd", "realm": "a"}, "no entry"),
            ("status", {"realm": "c"}, "`status` tells the names"),
            ("search", {"query": "x", "limit": 51}, "Expected `int` <= 50 - at `$.limit`"),
            ("search", {"query": "a\0b"}, "no text"),
            ("search", {"question": "x"}, "question"),
            ("search", {"query": "x", "cursor": "made up"}, "cursor"),
            ("index", {"realm": "a"}, "look and change nothing"),
            ("guess", {}, "no such tool; there are search, "),
        ):
            assert said in await ann.refused(name, **given), (name, given)
        assert "more with skip=1" not in await ann.call("outline", path="money.py", realm="a")
        paged = await ann.call("search", query="refund", limit=1)
        cursor = paged.rpartition("more with cursor=")[2].strip("'")
        assert await ann.call("search", query="refund", limit=1, cursor=cursor) != paged


async def test_another_tenants_files_are_not_there(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with (
        open_engine() as engine,
        serve(engine, authorize=by_tenant, token="", agents_may_write=True) as client,
    ):
        realm = await engine.add_realm("secret", Folder(tree), tenant="ann")
        await (await realm.index()).finished()
        async with agent(client, **{"x-tenant": "ann"}) as ann:
            assert "def refund" in await ann.call("read_lines", path="money.py")
        async with agent(client, **{"x-tenant": "bob"}) as bob:
            assert "nothing found" in await bob.call("search", query="refund")
            assert await bob.call("status") == "no realm is indexed"
            for tool in ("read_lines", "outline", "dependencies", "impact"):
                for path in ("money.py", str(tree / "money.py")):
                    assert "no realm has a file" in await bob.refused(tool, path=path)
                said = await bob.refused(tool, path="money.py", realm="secret")
                assert "'secret': not known here" in said
            for tool, given in (("search", {"query": "refund"}), ("status", {}), ("index", {})):
                assert "not known here" in await bob.refused(tool, realm="secret", **given)


async def test_who_may_write_indexes_where_the_host_lets_agents_write(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine:
        async with serve(engine, agents_may_write=True, folders=[tree]) as client:
            async with agent(client) as ann:
                assert await ann.tools() == [*LOOKING, "index", "add_realm"]
                added = {"realm": "shop", "kind": "folder", "location": str(tree)}
                said = await ann.call("add_realm", **added)
                assert said.startswith("shop is added\njob ")
                (job,) = await engine.jobs(realm="shop")
                with anyio.fail_after(60):
                    await job.finished()
                assert "`status` with realm='shop'" in await ann.call("index", realm="shop")
                for location in ("/etc", str(tree.parent)):
                    given = {"realm": "x", "kind": "folder", "location": location}
                    assert "opened no folder" in await ann.refused("add_realm", **given)
                given = {"realm": "x", "kind": "git", "location": "file:///etc"}
                assert await ann.refused("add_realm", **given)
                given = {"realm": "x", "kind": "openapi", "location": "/etc/passwd"}
                assert await ann.refused("add_realm", **given)
            async with agent(client, authorization=f"Bearer {READ}") as bob:
                assert await bob.tools() == LOOKING
                assert "change nothing" in await bob.refused("index", realm="shop")
        assert [realm.name for realm in await engine.realms()] == ["shop"]


async def test_strangers_and_pages_are_refused(open_engine: OpenEngine, serve: Served) -> None:
    async with open_engine() as engine, serve(engine, token="") as client:
        token = {"Authorization": f"Bearer {WRITE}"}
        # A name that was made to mean this machine: its page is of one origin with its host.
        rebound = {"Host": "evil.example:80", "Origin": "http://evil.example:80"}
        here = {"Origin": str(client.base_url).rstrip("/")}
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            (token, 200),
            (token | {"Origin": "https://evil.example"}, 403),
            (token | rebound, 403),
            (token | here, 403),
            (token | {"Content-Type": "text/plain"}, 400),
        ):
            answer = await client.post("/mcp", json=ASK, headers=ACCEPTED | headers)
            assert answer.status_code == status, headers
        for method in ("GET", "DELETE", "PUT"):
            refused = await client.request(method, "/mcp", headers=token)
            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        large = {**ASK, "params": {"name": "status", "arguments": {"x": "x" * 300_000}}}
        answer = await client.post("/mcp", json=large, headers=ACCEPTED | token)
        assert answer.status_code == 413


async def test_without_the_extra_it_is_said_what_to_install(
    open_engine: OpenEngine, serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    async with open_engine() as engine, serve(engine) as client:
        answer = await client.post("/mcp", json=ASK, headers=ACCEPTED)
        assert (answer.status_code, "pip install" in answer.json()["detail"]) == (501, True)
        assert (await client.get("/realms")).status_code == 200


async def test_agents_find_their_tools_below_the_prefix_of_the_host(
    open_engine: OpenEngine,
) -> None:
    async with open_engine() as engine:
        # A host that runs no lifespan of ours, as hosts do.
        app = Starlette(routes=[Mount("/index", create_app(engine, authorize=by_token()))])
        async with served(app, "/index/") as client, agent(client) as ann:
            assert await ann.call("status") == "no realm is indexed"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_says_what_it_is_for_what_it_takes_and_whether_it_changes_something(
    tool: Tool,
) -> None:
    shown = described(tool)
    assert shown.annotations is not None
    assert shown.annotations.read_only_hint == (tool.name in LOOKING)
    assert len(shown.description or "") > 60
    assert shown.input_schema["additionalProperties"] is False
    for name, schema in shown.input_schema["properties"].items():
        assert schema.get("description"), name


class Nothing(msgspec.Struct):
    pass


async def test_an_answer_is_cut_with_a_line_that_says_so() -> None:
    async def run(_desk: object, _given: object) -> AsyncIterator[str]:
        while True:
            yield "x" * 99

    tool = Tool("endless", "", "", Nothing, run)
    with anyio.fail_after(5):
        said = await tool.answer(None, {})  # type: ignore[arg-type]
    assert MAX_ANSWER_CHARS - 100 < len(said) < MAX_ANSWER_CHARS + 100
    assert said.splitlines()[-1].startswith("(cut here")
