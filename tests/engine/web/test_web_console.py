"""The console without a browser: pages, buttons, and what is in them."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_trees import OpenEngine
from web_server import READ, WRITE, Served, by_tenant

from engine import Engine, Folder
from engine.web.console.drawing import neighbourhood, phase_bars
from engine.web.console.templating import ago

HOSTILE = '<script>alert("x")</script> & "q" \' {{ 7*7 }}'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "money.py").write_text(f"def refund():\n    return {HOSTILE!r}\n")
    (root / "shop.py").write_text("from money import refund\n")
    (root / "bad.py").write_bytes(b"x = '\xff\xfe'\n")
    return root


async def indexed(engine: Engine, name: str, tree: Path) -> None:
    realm = await engine.add_realm(name, Folder(tree))
    await (await realm.index()).finished()


async def logged_in(client: httpx.AsyncClient, token: str = WRITE) -> None:
    answer = await client.post("/console/login", data={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_stranger_is_shown_the_door_and_a_token_opens_it(
    open_engine: OpenEngine, serve: Served
) -> None:
    async with open_engine() as engine, serve(engine, token="") as client:
        for place in ("/", "/console/jobs", "/console/search?q=x", "/console/realms/r"):
            answer = await client.get(place)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
        wrong = await client.post("/console/login", data={"token": "wrong"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
        await logged_in(client)
        (cookie,) = client.cookies.jar
        assert WRITE not in (cookie.value or "")
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/realms")).status_code == 200
        left = await client.post("/console/logout")
        assert left.headers["location"] == "/console/login"
        assert (await client.get("/")).status_code == 303


async def test_every_page_shows_what_is_there_and_runs_nothing_of_it(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    name = f"{HOSTILE}/realm"
    part = quote(name, safe="")
    async with open_engine() as engine, serve(engine) as client:
        await indexed(engine, name, tree)
        for place, expected in {
            "/": "indexed 2/3",
            f"/console/realms/{part}": "bad.py",
            "/console/jobs": "succeeded",
            "/console/jobs?state=failed": "No jobs.",
            "/console/jobs/1": "Attempts that ended",
            f"/console/search?q={quote(HOSTILE)}": "money.py",
            "/console/search": "Question",
            f"/console/file?realm={part}&key=money.py": "shop.py",
            f"/console/file?realm={part}&key=bad.py": "not UTF-8",
        }.items():
            answer = await client.get(place)
            assert answer.status_code == 200, place
            assert expected in answer.text, place
            assert "<script>alert" not in answer.text, place
            assert " 49 " not in answer.text
            assert not re.search(r"<[^>]+\son\w+=|style=", answer.text), place
            links = re.findall(r'(?:href|action|src)="([^"]+)"', answer.text)
            assert all(link.startswith(("/", "#")) for link in links), place


async def test_buttons_ask_cancel_and_try_again(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("a/b", Folder(tree))
        paused = await client.post("/console/realms/a%2Fb/pause")
        assert paused.headers["location"] == "/console/realms/a%2Fb?said=paused"
        assert "Paused" in (await client.get(paused.headers["location"])).text
        await client.post("/console/realms/a%2Fb/index")
        joined = await client.post("/console/realms/a%2Fb/index")
        assert joined.headers["location"].endswith("said=joined")
        cancelled = await client.post("/console/jobs/1/cancel")
        assert cancelled.headers["location"] == "/console/jobs/1?said=cancelled"
        again = await client.post("/console/jobs/1/retry")
        assert again.headers["location"] == "/console/jobs/2?said=asked"
        await client.post("/console/realms/a%2Fb/resume")
        await (await engine.job(2)).finished()
        foreign = {"Origin": "https://evil.example"}
        assert (
            await client.post("/console/realms/a%2Fb/index", headers=foreign)
        ).status_code == 403
        assert len(await engine.jobs()) == 2


async def test_a_repository_is_added_by_a_form_and_nothing_else_is(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine(git_hosts=("nowhere.invalid",)) as engine, serve(engine) as client:
        for url in ("/etc", "file:///etc", "https://elsewhere.example/r", "ext::id", "", "-x"):
            answer = await client.post("/console/realms", data={"url": url})
            assert answer.status_code in (403, 422), url
            assert "<h1>" in answer.text
        assert await engine.realms() == []
        url = "https://nowhere.invalid/r.git"
        added = await client.post("/console/realms", data={"url": url, "branch": "", "name": ""})
        assert added.headers["location"] == f"/console/realms/{quote(url, safe='')}?said=asked"
        assert (await client.post("/console/realms", content=b"%ff" * 9)).status_code in (400, 422)
        assert (await client.post("/console/realms", content=b"x" * 20_000)).status_code == 413


async def test_who_may_look_sees_no_buttons_and_another_tenant_sees_nothing(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine:
        await indexed(engine, "r", tree)
        async with serve(engine, token=READ) as client:
            for place in ("/", "/console/realms/r", "/console/jobs"):
                assert '<form method="post"' not in (await client.get(place)).text
            assert (await client.post("/console/realms/r/index")).status_code == 403
        async with serve(engine, token="", authorize=by_tenant) as client:
            headers = {"x-tenant": "bob"}
            assert (await client.get("/console/realms/r", headers=headers)).status_code == 404
            assert "Workers" not in (await client.get("/console/jobs", headers=headers)).text
            assert "Nothing is indexed" in (await client.get("/", headers=headers)).text
            assert "decides by itself" in (await client.get("/console/login")).text


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (1, "1 s ago"), (59.9, "59 s ago"), (3_700, "1 h ago"), (-90, "in 1 min")],
)
def test_times_are_told_as_people_do(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


@given(st.lists(st.text(), max_size=40), st.lists(st.text(), max_size=40))
def test_a_neighbourhood_names_each_file_once_and_says_what_it_leaves_out(
    dependencies: list[str], dependents: list[str]
) -> None:
    picture = neighbourhood("a", dependencies, dependents)
    for keys, side in ((dependencies, picture.left), (dependents, picture.right)):
        assert [label.key for label in side if label.key] == [key for key in keys[:14] if key]
        assert any("more" in label.text for label in side) or len(keys) <= 14
        assert all(0 <= label.y <= picture.height for label in side)
        assert len({label.y for label in side}) == len(side)


@given(st.dictionaries(st.sampled_from(["discover", "visit", "other"]), st.floats(0, 1e6)))
def test_bars_follow_each_other_within_the_picture(phases: dict[str, float]) -> None:
    bars = phase_bars(phases, sum(phases.values()))
    assert sum(bar.width for bar in bars) <= 220.5
    assert all(a.x <= b.x for a, b in pairwise(bars))
