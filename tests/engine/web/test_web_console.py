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
from engine.plan_shape import MAX_WIDTHS, PathStep, PlanShape
from engine.web.console.drawing import neighbourhood, phase_bars
from engine.web.console.plan_picture import PROFILE_WIDTH, plan_picture, verdict
from engine.web.console.templating import ago, folded, took

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


def shape(widths: list[int], *, took: float = 1, path: float = 1, work: float = 2) -> PlanShape:
    return PlanShape(
        widths=tuple(widths),
        layers_each=1,
        path=tuple(PathStep(key=f"m{at}.py", seconds=at % 5) for at in range(20)),
        path_files=22,
        path_seconds=path,
        work_seconds=work,
        bound_seconds=max(path, work / 4),
        visit_seconds=took,
    )


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=MAX_WIDTHS),
    *[st.floats(0, 10**4)] * 3,
)
def test_a_plan_is_drawn_inside_its_picture(
    widths: list[int], took: float, path: float, work: float
) -> None:
    made = shape(widths, took=took, path=path, work=work)
    picture = plan_picture(made, layers=len(widths), widest=max(widths), concurrency=4)
    assert [column.files for column in picture.columns] == widths
    for column in picture.columns:
        assert 0 <= column.x <= column.x + column.width <= PROFILE_WIDTH
        assert 0 <= column.y < column.y + column.height <= 96.1
        assert column.is_narrow == (column.files < 4)
    for one, other in pairwise(sorted(picture.columns, key=lambda each: each.files)):
        assert one.height <= other.height
    assert max(bar.width for bar in picture.bars) <= 220
    assert [step.key for step in picture.path] == [
        f"m{at}.py" for at in range(20) if at % 5 == 4 or at in (3, 8, 13, 18)
    ]
    assert picture.not_named == 14


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (shape([9], took=1.2, path=1), "1.20 s, 20 % more than the 1.00 s of the critical path"),
        (
            shape([9], took=2, path=0.1, work=7.2),
            "2.00 s, 11 % more than the 1.80 s that 4 at once",
        ),
        (shape([9], took=5, path=1), "5.0 times the 1.00 s of the critical path"),
        (shape([9], took=0.01, path=0.01), "over at once"),
        (shape([9], took=1, path=0, work=0), "over at once"),
    ],
)
def test_how_near_the_visits_came_to_what_was_possible_is_said(made: PlanShape, words: str) -> None:
    assert words in verdict(made, 4)


def test_a_time_is_told_in_a_unit_that_fits() -> None:
    told = [took(seconds) for seconds in (0, 0.0004, 0.0099, 0.012, 0.9, 1, 1234.5)]
    assert told == ["0.0 ms", "0.4 ms", "9.9 ms", "12 ms", "900 ms", "1.00 s", "1,234.50 s"]


def test_a_long_name_breaks_where_its_parts_end() -> None:
    assert folded("a/b.py") == "a/<wbr>b.py"
    assert folded("Tree.walk") == "Tree.<wbr>walk"
    assert folded("<i>/x") == "&lt;i&gt;/<wbr>x"


async def test_a_realm_and_its_job_show_the_plan_of_a_pass_over_several_files(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    root = tmp_path / "chain"
    root.mkdir()
    for at in range(12):
        (root / f"m{at}.py").write_text(f"import m{at - 1}\n" if at else "X = 1\n")
    async with open_engine() as engine, serve(engine) as client:
        await indexed(engine, "chain", root)
        (root / "m11.py").write_text("Y = 2\n")
        await indexed(engine, "chain", root)
        for place in ("/console/realms/chain", "/console/jobs/1"):
            page = (await client.get(place)).text
            assert page.count('<rect class="layer"') == 12
            assert "12 layers" in page
            assert "and 4 files on it that took less" in page
            assert "style=" not in page
        assert "Critical path" not in (await client.get("/console/jobs/2")).text
