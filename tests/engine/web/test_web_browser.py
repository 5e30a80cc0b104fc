"""The console in a real Chromium: what moves, what a keyboard reaches, what axe finds."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from git_server import Upstream, git_server
from live_trees import OpenEngine
from web_server import WRITE, Served

from engine import DraftChunk, File, Folder, Visit, VisitContext

pytestmark = pytest.mark.long

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
PATIENCE_MS = 30_000
SIZES = {"desk": (1280, 900), "tablet": (768, 1024), "phone": (390, 844)}


@asynccontextmanager
async def browsing(url: str, size: str = "desk", **context: Any) -> AsyncIterator[Any]:
    """A page that is logged in; at the end nothing may have gone wrong in it."""
    playwright = pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    said: list[str] = []
    width, height = SIZES[size]
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = await browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", **context
        )
        page = await opened.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "console",
            lambda message: (
                said.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        await page.goto(url)
        await page.get_by_label("Token").fill(WRITE)
        await page.get_by_role("button", name="Come in").click()
        await page.get_by_role("heading", name="Realms").wait_for()
        yield page
        await browser.close()
    assert said == []


def write_files(root: Path, count: int) -> Path:
    root.mkdir(exist_ok=True)
    for number in range(count):
        (root / f"m{number}.py").write_text(f"def refund_{number}():\n    return {number}\n")
    return root


class Stepping:
    """A visitor that visits as many files as the test lets it."""

    fingerprint = "stepping"

    def __init__(self) -> None:
        self.steps = anyio.Semaphore(0)

    async def visit(self, file: File, context: VisitContext) -> Visit:
        await self.steps.acquire()
        return Visit((DraftChunk((await file.read()).decode(), 1, 2),))

    def go(self, count: int) -> None:
        for _ in range(count):
            self.steps.release()


async def test_a_realm_is_added_moves_without_reloading_and_is_found(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    upstream = Upstream(tmp_path / "served" / "shop.git")
    upstream.commit({f"m{n}.py": f"def refund_{n}():\n    return {n}\n" for n in range(20)})
    visitor = Stepping()
    async with open_engine(visitor=visitor) as engine, serve(engine, token="") as client:
        with git_server(tmp_path / "served") as server:
            async with browsing(str(client.base_url)) as page:
                await page.get_by_label("Address").fill(server.url("shop.git"))
                await page.get_by_label("Name").fill("shop")
                await page.get_by_role("button", name="Add and index").click()
                await page.get_by_text("A pass was asked for.").wait_for()
                await page.evaluate("window.stays = true")
                await page.get_by_text("visit 0/20").first.wait_for()
                visitor.go(8)
                await page.get_by_text("visit 8/20").first.wait_for()
                visitor.go(12)
                await page.get_by_text("indexed 20/20").wait_for()
                assert await page.evaluate("window.stays")
                await page.get_by_role("link", name="Search").click()
                await page.get_by_label("Question").fill("refund 7")
                await page.keyboard.press("Enter")
                await page.get_by_role("link", name="m7.py:1").wait_for()
                assert await page.locator("mark").count() > 0


async def test_a_failing_job_shows_its_error_and_is_tried_again_with_a_click(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    gone = write_files(tmp_path / "tree", 2)
    async with open_engine() as engine, serve(engine, token="") as client:
        realm = await engine.add_realm("r", Folder(gone))
        gone.rename(tmp_path / "away")
        job = await realm.index()
        async with browsing(str(client.base_url), "phone") as page:
            await page.goto(str(client.base_url.join(f"/console/jobs/{job.id}")))
            await page.locator(".failed").first.wait_for()
            assert "tree" in await page.locator(".error").first.inner_text()
            (tmp_path / "away").rename(gone)
            await page.get_by_role("button", name="Try again").tap()
            await page.locator(".succeeded").first.wait_for()
            await page.get_by_role("link", name="r", exact=True).tap()
            await page.get_by_text("indexed 2/2").wait_for()


async def test_the_keyboard_alone_asks_for_a_pass(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    async with open_engine() as engine, serve(engine, token="") as client:
        await engine.add_realm("r", Folder(write_files(tmp_path / "tree", 1)))
        async with browsing(str(client.base_url)) as page:
            focused = "document.activeElement.textContent.trim()"
            reached = []
            for _ in range(12):
                await page.keyboard.press("Tab")
                reached.append(await page.evaluate(focused))
                if reached[-1] == "Index":
                    break
            assert reached[0] == "Skip to the content"
            assert {"Widthwise", "Realms", "Jobs", "Search", "r"} <= set(reached)
            await page.keyboard.press("Enter")
            await page.get_by_text("indexed 1/1").wait_for()


async def test_what_its_reader_has_opened_stays_open_while_the_page_moves(
    open_engine: OpenEngine, serve: Served, tmp_path: Path
) -> None:
    async with open_engine() as engine, serve(engine, token="") as client:
        realm = await engine.add_realm("r", Folder(write_files(tmp_path / "tree", 12)))
        await (await realm.index()).finished()
        async with browsing(str(client.base_url)) as page:
            await page.get_by_role("link", name="r", exact=True).click()
            await page.get_by_text("Layers as a table").click()
            layer = page.get_by_role("row", name="1 12", exact=True)
            await layer.wait_for()
            write_files(tmp_path / "tree", 15)
            await (await realm.index(from_scratch=True)).finished()
            await page.get_by_text("indexed 15/15").wait_for()
            await page.get_by_role("row", name="1 15", exact=True).wait_for()


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    open_engine: OpenEngine, serve: Served, tmp_path: Path, size: str, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.async_playwright").Axe()
    # Enough for a plan to be shown.
    tree = write_files(tmp_path / "tree", 12)
    (tree / "bad.py").write_bytes(b"x = '\xff'\n")
    (tree / "user.py").write_text("from m1 import refund_1\n")
    async with open_engine() as engine, serve(engine, token="") as client:
        realm = await engine.add_realm(
            "a/rather/long/name/of/a/realm/that/has/to/wrap.git", Folder(tree)
        )
        await (await realm.index()).finished()
        part = realm.name.replace("/", "%2F")
        async with browsing(
            str(client.base_url), size, color_scheme=scheme, bypass_csp=True
        ) as page:
            for place in (
                "",
                f"console/realms/{part}",
                "console/jobs",
                "console/jobs/1",
                "console/search?q=refund",
                f"console/file?realm={part}&key=m1.py",
            ):
                await page.goto(str(client.base_url.join("/" + place)))
                found = (await axe.run(page)).response["violations"]
                serious = [
                    (each["id"], each["nodes"][0]["html"])
                    for each in found
                    if each["impact"] in ("serious", "critical")
                ]
                assert serious == [], place
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, place
