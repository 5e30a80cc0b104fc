"""Who comes in, what other sites' pages can do, and how much one caller may ask for."""

import hashlib
import hmac
import json
import time
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_trees import OpenEngine
from starlette.requests import Request
from web_server import READ, WRITE, Served

from engine import BadSetting, Folder, GitRepository
from engine.web import Access, Limits, TokenAccess
from engine.web.app import ROUTES
from engine.web.gate import Pace

OPEN_TO_ALL = {"/healthz", "/readyz"}
SIGNED = {"/webhooks/github"}


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "method": "GET", "path": "/"})


async def test_a_stranger_is_refused_on_every_route(open_engine: OpenEngine, serve: Served) -> None:
    async with open_engine() as engine, serve(engine, token="") as client:
        routes = {(method, route.path) for route in ROUTES for method in route.methods or ()}
        assert len(routes) > 15
        for method, path in sorted(routes):
            place = path.replace("{name:path}", "r").replace("{id}", "1")
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Cookie": "widthwise_session=9"},
            ):
                answer = await client.request(method, place, headers=headers)
                if path in OPEN_TO_ALL:
                    assert answer.status_code == 200, place
                elif path not in SIGNED:
                    assert answer.status_code == 401, place
                    assert answer.headers["www-authenticate"] == "Bearer"


async def test_nobody_comes_in_where_no_token_is_set(
    open_engine: OpenEngine, serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDTHWISE_TOKEN", raising=False)
    async with open_engine() as engine, serve(engine, authorize=None, token="") as client:
        for shown in ("", "Bearer", "Bearer x", "Basic Og=="):
            answer = await client.get("/realms", headers={"Authorization": shown})
            assert answer.status_code == 401


async def test_the_token_of_the_environment_opens(
    open_engine: OpenEngine, serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIDTHWISE_TOKEN", WRITE)
    async with open_engine() as engine, serve(engine, authorize=None) as client:
        assert (await client.get("/realms")).status_code == 200


def test_a_weak_token_is_refused_and_a_strong_one_is_not_kept() -> None:
    with pytest.raises(BadSetting):
        TokenAccess.of(write="short")
    assert WRITE not in repr(TokenAccess.of(write=WRITE))


def test_a_session_ends_in_time_and_can_not_be_made_up() -> None:
    access = TokenAccess.of(write=WRITE, read=READ)
    session = access.session(READ)
    assert session is not None
    assert access(request_with(cookie=f"widthwise_session={session}")) == Access()
    assert access.session("no token of ours") is None
    old = access.session(WRITE, now=time.time() - 13 * 3600)
    assert access(request_with(cookie=f"widthwise_session={old}")) is None
    until, _, seal = session.partition(".")
    longer = f"{int(until) + 1}.{seal}"
    assert access(request_with(cookie=f"widthwise_session={longer}")) is None
    assert TokenAccess.of(write="another-token-than-that")(
        request_with(cookie=f"widthwise_session={session}")
    ) is None  # fmt: skip


@given(st.text())
def test_no_text_is_taken_for_a_token_or_a_session(text: str) -> None:
    access = TokenAccess.of(write=WRITE)
    shown = text.encode("utf-8", "replace").decode("latin-1")
    headers = [(b"authorization", f"Bearer {shown}".encode("latin-1")),
               (b"cookie", f"widthwise_session={shown}".encode("latin-1"))]  # fmt: skip
    scope = {"type": "http", "headers": headers, "method": "GET", "path": "/"}
    assert access(Request(scope)) is None or text == WRITE


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_of_another_site_changes_nothing(
    open_engine: OpenEngine, serve: Served, tmp_path: Any, headers: dict[str, str]
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tmp_path))
        assert (await client.post("/realms/r/index", headers=headers)).status_code == 403
        assert await engine.jobs() == []
        own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        assert (await client.post("/realms/r/index", headers=own)).status_code == 202


async def test_answers_are_sealed_and_not_cached(open_engine: OpenEngine, serve: Served) -> None:
    async with open_engine() as engine, serve(engine) as client:
        for path in ("/realms", "/nothing", "/healthz"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"


async def test_who_asks_too_often_is_told_when_to_come_back(
    open_engine: OpenEngine, serve: Served
) -> None:
    limits = Limits(requests_per_minute=3)
    async with open_engine() as engine, serve(engine, limits=limits) as client:
        answers = [await client.get("/realms") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
        assert (await client.get("/healthz")).status_code == 200
        other = await client.get("/realms", headers={"Authorization": f"Bearer {READ}"})
        assert other.status_code == 200


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 20))
def test_a_caller_never_gets_more_than_its_pace(pauses: list[float], per_minute: int) -> None:
    now = 0.0
    pace = Pace(per_minute, clock=lambda: now)
    taken = 0
    for pause in pauses:
        now += pause
        wait = pace.wait_seconds(b"caller")
        taken += wait == 0
        assert wait <= 60 / per_minute
    assert taken <= per_minute + now * per_minute / 60 + 1e-6


def pushed(ref: str, url: str) -> bytes:
    repository = {"clone_url": url, "ssh_url": "git@github.com:a/b.git", "default_branch": "main"}
    return json.dumps({"ref": ref, "repository": repository}).encode()


def signed(body: bytes, secret: str = "shared") -> dict[str, str]:
    seal = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={seal}", "X-GitHub-Event": "push"}


async def test_a_signed_push_indexes_the_realms_of_its_branch(
    open_engine: OpenEngine, serve: Served
) -> None:
    url = "https://github.com/a/b.git"
    async with (
        open_engine() as engine,
        serve(engine, webhook_secret="shared", token="") as client,
    ):
        for name, source in {
            "default": GitRepository(url),
            "other spelling": GitRepository("https://GitHub.com/a/b", "main"),
            "branch": GitRepository(url, "stable"),
            "elsewhere": GitRepository("https://github.com/a/c.git", "main"),
        }.items():
            await engine.add_realm(name, source)
            await engine.pause(name)

        async def push(body: bytes, headers: dict[str, str]) -> httpx.Response:
            return await client.post("/webhooks/github", content=body, headers=headers)

        body = pushed("refs/heads/main", url)
        for bad in ({}, signed(body, "guess"), signed(body + b" ")):
            assert (await push(body, bad)).status_code == 401
        assert await engine.jobs() == []
        answer = await push(body, signed(body))
        assert answer.status_code == 202
        assert {job["realm"] for job in answer.json()["jobs"]} == {"default", "other spelling"}
        stable = pushed("refs/heads/stable", url)
        assert [job["realm"] for job in (await push(stable, signed(stable))).json()["jobs"]] == [
            "branch"
        ]
        ping = await push(body, signed(body) | {"X-GitHub-Event": "ping"})
        assert (ping.status_code, ping.json()["jobs"]) == (200, [])
        junk = b'{"repository": 3}'
        assert (await push(junk, signed(junk))).status_code == 422
    async with open_engine() as engine, serve(engine, token="") as client:
        assert (await client.post("/webhooks/github", content=body)).status_code == 404


async def test_a_server_whose_database_is_gone_lives_and_is_not_ready(
    open_engine: OpenEngine, serve: Served
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert "widthwise_jobs" in (await client.get("/metrics")).text
    async with serve(lambda: engine) as client:
        with anyio.fail_after(20):
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            answer = await client.get("/realms")
        assert (answer.status_code, answer.json()["status"]) == (503, 503)
