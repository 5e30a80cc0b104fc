"""Realms and their jobs over HTTP, as a program uses them."""

from pathlib import Path
from urllib.parse import quote

import anyio
import httpx
import pytest
from live_trees import OpenEngine
from web_server import READ, Served, by_tenant

from engine import Folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "money.py").write_text("def refund(order):\n    return order.total\n")
    (root / "shop.py").write_text("from money import refund\n\n\ndef sell():\n    refund(1)\n")
    return root


async def settled(client: httpx.AsyncClient, place: str) -> dict[str, object]:
    """The job at `place` once it has ended."""
    with anyio.fail_after(60):
        while True:
            job = (await client.get(place)).json()
            if job["state"] not in ("pending", "running"):
                return dict(job)
            await anyio.sleep(0.02)


async def test_a_realm_is_added_indexed_searched_and_deleted(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    name = f"{tree.parent}/a realm?"  # with what a path has to encode
    place = f"/realms/{quote(name, safe='')}"
    async with open_engine() as engine, serve(engine, folders=[tree.parent]) as client:
        source = {"kind": "folder", "path": str(tree)}
        added = await client.post("/realms", json={"name": name, "source": source})
        assert (added.status_code, added.headers["location"]) == (201, place)
        job = added.json()["job"]
        done = await settled(client, f"/jobs/{job['id']}")
        assert (done["state"], done["done"], len(done["attempts"])) == ("succeeded", 2, 1)

        status = (await client.get(place)).json()
        assert (status["label"], status["files"], status["errors"]) == ("indexed 2/2", 2, 0)
        assert (await client.get(f"{place}/status")).json() == status
        assert [each["name"] for each in (await client.get("/realms")).json()["realms"]] == [name]

        hits = (await client.get("/search", params={"q": "refund", "realm": name})).json()["hits"]
        assert hits[0]["path"] == "money.py"
        entries = (await client.get(f"{place}/entries")).json()["entries"]
        assert [each["key"] for each in entries] == ["money.py", "shop.py"]
        graph = (await client.get(f"{place}/graph", params={"key": "money.py"})).json()
        assert (graph["dependents"], graph["impact"]) == (["shop.py"], ["shop.py"])
        lines = (await client.get(f"{place}/lines", params={"key": "money.py", "end": 1})).json()
        assert (lines["lines"], lines["exact"], lines["next_line"]) == (
            ["def refund(order):"],
            True,
            2,
        )
        outline = (await client.get(f"{place}/outline", params={"key": "shop.py"})).json()
        assert [(each["symbol"], each["start_line"]) for each in outline["parts"]] == [("sell", 4)]
        for asked, status in (("lines?key=no.py", 404), ("lines?key=shop.py&start=0", 422),
                              ("outline?key=shop.py&limit=501", 422)):  # fmt: skip
            assert (await client.get(f"{place}/{asked}")).status_code == status, asked
        why = (await client.get(f"{place}/explain", params={"key": "shop.py"})).json()
        assert (why["visited"], why["steps"][0]["why"]) == (True, "it is new")

        assert (await client.delete(place)).status_code == 204
        gone = await client.get(place)
        assert gone.status_code == 404
        assert gone.headers["content-type"] == "application/problem+json"


async def test_a_trigger_says_where_to_look_and_whether_it_joined(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tree))
        await engine.pause("r")
        first = await client.post("/realms/r/index")
        assert (first.status_code, first.json()["joined"]) == (202, False)
        assert first.headers["location"] == f"/jobs/{first.json()['id']}"
        second = await client.post("/realms/r/index", json={"priority": 3})
        assert (second.json()["id"], second.json()["joined"]) == (first.json()["id"], True)
        assert (await client.get("/realms/r")).json()["label"] == "queued"
        cancelled = await client.post(f"{first.headers['location']}/cancel")
        assert cancelled.json()["state"] == "cancelled"
        listed = (await client.get("/jobs", params={"state": "cancelled"})).json()["jobs"]
        assert [job["id"] for job in listed] == [first.json()["id"]]
        again = await client.post(f"{first.headers['location']}/retry")
        assert (again.status_code, again.json()["state"]) == (202, "pending")


async def test_a_repeated_request_gets_the_job_of_the_first_one_also_after_its_end(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tree))
        once = {"Idempotency-Key": "click-1"}
        first = await client.post("/realms/r/index", headers=once)
        await settled(client, first.headers["location"])
        twin = await client.post("/realms/r/index", headers=once)
        assert (twin.json()["id"], twin.json()["joined"]) == (first.json()["id"], True)
        other = await client.post("/realms/r/index", headers={"Idempotency-Key": "click-2"})
        assert other.json()["id"] != first.json()["id"]
        changed = await client.post("/realms/r/index", headers=once, json={"from_scratch": True})
        assert changed.json()["id"] != first.json()["id"]
        assert (
            await client.post("/realms/r/index", headers={"Idempotency-Key": "x" * 256})
        ).status_code == 400


async def test_twenty_clicks_at_once_with_one_key_are_one_job(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    ids: list[int] = []
    async with open_engine() as engine, serve(engine) as client:
        await engine.add_realm("r", Folder(tree))

        async def click() -> None:
            answer = await client.post("/realms/r/index", headers={"Idempotency-Key": "k"})
            ids.append(answer.json()["id"])

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(click)
        assert len(ids) == 20
        assert len(set(ids)) == 1


BAD_BODIES = [
    ("not json", 400),
    ("[]", 422),
    ("{}", 422),
    ('{"name": "", "source": {"kind": "git", "url": "https://h/r"}}', 422),
    ('{"name": "a\\u0000b", "source": {"kind": "git", "url": "https://h/r"}}', 422),
    ('{"name": "a", "source": {"kind": "tape"}}', 422),
    ('{"name": "a", "source": {"kind": "git", "url": "/etc"}}', 403),
    ('{"name": "a", "source": {"kind": "git", "url": "file:///etc"}}', 403),
    ('{"name": "a", "source": {"kind": "git", "url": "ssh://h/r"}}', 403),
    ('{"name": "a", "source": {"kind": "git", "url": "ext::sh -c id"}}', 403),
    ('{"name": "a", "source": {"kind": "git", "url": "--upload-pack=id"}}', 403),
    ('{"name": "a", "source": {"kind": "git", "url": "https://h/r", "token_env": "HOME"}}', 422),
    ('{"name": "a", "source": {"kind": "git", "url": "https://h/r", "credentials": "x"}}', 422),
    ('{"name": "a", "source": {"kind": "openapi", "urls": ["/etc/passwd"]}}', 422),
    ('{"name": "a", "source": {"kind": "openapi", "urls": []}}', 422),
    ('{"name": "a", "source": {"kind": "folder", "path": "/etc"}}', 403),
    ('{"name": "a", "source": {"kind": "folder", "path": "OPEN/../../../../etc"}}', 403),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
async def test_what_can_not_be_added_is_a_problem_and_adds_nothing(
    open_engine: OpenEngine, serve: Served, tree: Path, body: str, status: int
) -> None:
    async with open_engine() as engine, serve(engine, folders=[tree]) as client:
        content = body.replace("OPEN", str(tree))
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/realms", content=content, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.json()["detail"]
        assert await engine.realms() == []


async def test_queries_are_checked_and_bodies_are_bounded(
    open_engine: OpenEngine, serve: Served
) -> None:
    async with open_engine() as engine, serve(engine) as client:
        for query in (
            "/search",
            "/search?q=a&limit=0",
            "/search?q=a&limit=x",
            "/search?q=a&unknown=1",
            "/search?q=a&q=b",
            "/search?q=%00",
            f"/search?q={'x' * 2_001}",
            "/jobs?state=lost",
            "/jobs/nine",
            "/jobs/0",
            "/jobs?before=99999999999999999999",
        ):
            answer = await client.get(query)
            assert answer.status_code == 422, query
        large = await client.post("/realms", content=b"x" * 300_000)
        assert large.status_code == 413
        text = await client.post("/realms", content=b"{}", headers={"Content-Type": "text/plain"})
        assert text.status_code == 415
        assert (await client.get("/nothing")).json()["status"] == 404
        assert (await client.put("/realms")).json()["status"] == 405


async def test_another_tenants_realms_and_jobs_are_not_there(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with (
        open_engine() as engine,
        serve(engine, authorize=by_tenant, folders=[tree], token="") as client,
    ):
        ann, bob = {"x-tenant": "ann"}, {"x-tenant": "bob"}
        body = {"name": "secret", "source": {"kind": "folder", "path": str(tree)}}
        added = await client.post("/realms", json=body, headers=ann)
        job = added.json()["job"]["id"]
        with anyio.fail_after(60):
            await (await engine.job(job)).finished()
        assert added.json()["tenant"] == "ann"
        for path in ("/realms/secret", "/realms/secret/entries", f"/jobs/{job}",
                     "/realms/secret/graph?key=money.py", "/realms/secret/lines?key=money.py",
                     "/realms/secret/outline?key=money.py", "/search?q=refund&realm=secret",
                     "/realms/secret/explain?key=money.py", "/events?realm=secret"):  # fmt: skip
            assert (await client.get(path, headers=bob)).status_code == 404, path
        for path in ("/realms/secret/index", f"/jobs/{job}/cancel", f"/jobs/{job}/retry"):
            assert (await client.post(path, headers=bob)).status_code == 404, path
        assert (await client.delete("/realms/secret", headers=bob)).status_code == 404
        assert (await client.get("/search?q=refund", headers=bob)).json()["hits"] == []
        assert (await client.get("/jobs", headers=bob)).json()["jobs"] == []
        assert (await client.get("/jobs?realm=secret", headers=bob)).json()["jobs"] == []
        assert (await client.get("/realms", headers=bob)).json()["realms"] == []
        assert (await client.get("/metrics", headers=bob)).status_code == 403
        assert (await client.post("/realms", json=body, headers=bob)).status_code == 409
        theirs = body | {"name": "other", "tenant": "ann"}
        assert (await client.post("/realms", json=theirs, headers=bob)).status_code == 403
        assert (await client.get("/search?q=refund", headers=ann)).json()["hits"]
        assert len((await client.get("/jobs", headers=ann)).json()["jobs"]) == 1


async def test_who_may_look_changes_nothing(
    open_engine: OpenEngine, serve: Served, tree: Path
) -> None:
    async with open_engine() as engine, serve(engine, token=READ) as client:
        await engine.add_realm("r", Folder(tree))
        assert (await client.get("/realms/r")).status_code == 200
        for method, path in (("POST", "/realms/r/index"), ("DELETE", "/realms/r"),
                             ("POST", "/realms"), ("POST", "/jobs/1/cancel")):  # fmt: skip
            assert (await client.request(method, path)).status_code == 403, path
        assert (await client.get("/jobs")).json()["jobs"] == []
