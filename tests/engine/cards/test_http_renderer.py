"""Cards are rendered by a pool of tabs that their modules need as well, and all of them end."""

import json
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from card_files import EMPLOYEE, PERSON, card, module
from live_trees import OpenEngine, write_tree
from prerender_service import Message, as_html, prerender_service
from starlette.responses import JSONResponse, Response

from engine import (
    BadSetting,
    CardRealm,
    DefinitionUnavailable,
    Engine,
    File,
    HttpRenderer,
    Visit,
    VisitContext,
)
from engine.languages import Link
from prewarm import Definition, Symbol

PATIENCE_SECONDS = 60
ALONE = module("Alone")


def realm_of(cards: int) -> dict[str, str]:
    """So many cards of a class in two modules."""
    named = {f"c{n}.json": card("./employee", "Employee", {"badge": str(n)}) for n in range(cards)}
    return {"person.gts": PERSON, "employee.gts": EMPLOYEE, **named}


async def indexed(engine: Engine, name: str, root: Path, files: Mapping[str, str]) -> None:
    await engine.add_realm(name, CardRealm(write_tree(root, files)))
    await (await engine.index(name)).finished()


class OfCards:
    """Calls a renderer as passes do, so many visits at once, without a database."""

    def __init__(self, realm: str, renderer: HttpRenderer) -> None:
        self.realm = realm
        self._renderer = renderer

    async def visit(self, number: int) -> Visit:
        name = f"Card{number}"
        text = json.dumps([f"./m{number}", name, {}, {}])
        key, module = f"c{number}.json", f"m{number}.gts"

        async def definition(wanted: str) -> Definition:
            if wanted == key:
                return Definition(key, detail=f"card {text}")
            if wanted == module:
                return Definition(module, (Symbol(name, "class", f"class {name}"),))
            raise DefinitionUnavailable(wanted)

        links = (Link("adoptsFrom", module, name, exported=True),)
        file = File(key, b"", 0, "card", (), links, (), bytes_of_nothing, self.realm)
        return await self._renderer.visit(file, VisitContext(definition))


async def bytes_of_nothing() -> bytes:
    return b""


async def test_rendered_text_is_found_and_each_module_is_loaded_once(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with (
        prerender_service(5) as service,
        HttpRenderer(service.url, tabs=5) as renderer,
        open_engine(visitor=renderer) as engine,
    ):
        await indexed(engine, "one", tmp_path, realm_of(12))
        assert sorted(service.modules) == [("one", "employee.gts"), ("one", "person.gts")]
        assert len(service.cards) == 12
        hits = await engine.search("Rendered c7.json", limit=1)
        assert (hits[0].path, hits[0].kind, hits[0].text) == (
            "c7.json",
            "rendered",
            "Rendered c7.json",
        )


async def test_two_realms_of_four_visits_each_finish_on_five_tabs() -> None:
    async with prerender_service(5) as service, HttpRenderer(service.url, tabs=5) as renderer:
        service.cards_first = 4
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                for number in range(4):
                    tasks.start_soon(OfCards("one", renderer).visit, number)
                    tasks.start_soon(OfCards("two", renderer).visit, number)
        assert len(service.cards) == len(service.modules) == service.loaded_by_itself == 8
        assert service.most_cards == 4


async def test_modules_are_loaded_in_their_order_before_a_card_takes_a_tab(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with (
        prerender_service(5) as service,
        HttpRenderer(service.url, tabs=5) as renderer,
        open_engine(visitor=renderer) as engine,
    ):
        await indexed(engine, "one", tmp_path, {**realm_of(4), "alone.gts": ALONE})
        cards = [at for at, key in enumerate(service.asked) if key.endswith(".json")]
        places = [service.asked.index(key) for key in ("person.gts", "employee.gts")]
        assert [*places, cards[0]] == sorted([*places, cards[0]])
        assert sorted(set(service.asked) - {f"c{n}.json" for n in range(4)}) == [
            "alone.gts",
            "employee.gts",
            "person.gts",
        ]


async def test_what_was_not_visited_is_loaded_before_its_card_takes_a_tab() -> None:
    async with prerender_service(5) as service, HttpRenderer(service.url, tabs=5) as renderer:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(OfCards("one", renderer).visit, 0)
        assert service.asked == ["m0.gts", "c0.json", "c0.json", "c0.json"]


async def test_a_module_that_cannot_be_loaded_ahead_is_no_error_of_its_own(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with prerender_service(5) as service:
        url = service.url
    async with HttpRenderer(url) as renderer, open_engine(visitor=renderer) as engine:
        await indexed(engine, "one", tmp_path, {"alone.gts": ALONE})
        assert await engine.errors("one") == []


@pytest.mark.parametrize("of_its_own", [True, False], ids=["a reserve for each realm", "none"])
async def test_without_a_reserve_that_realms_share_all_tabs_wait_for_each_other(
    of_its_own: bool,
) -> None:
    tabs = 5 if of_its_own else 9
    async with (
        prerender_service(5) as service,
        HttpRenderer(service.url, tabs=tabs) as first,
        HttpRenderer(service.url, tabs=tabs) as other,
    ):
        service.cards_first = 5
        second = other if of_its_own else first
        with anyio.fail_after(PATIENCE_SECONDS):
            async with anyio.create_task_group() as tasks:
                for number in range(4):
                    tasks.start_soon(OfCards("one", first).visit, number)
                    tasks.start_soon(OfCards("two", second).visit, number)
                await service.until(lambda each: each.is_stuck)
                tasks.cancel_scope.cancel()
        assert service.cards == []


async def _refused(_: Message) -> Response:
    return Response("no", 503)


async def _no_json(_: Message) -> Response:
    return Response("<html>")


async def _no_html(_: Message) -> Response:
    return JSONResponse({"html": None})


async def _too_large(_: Message) -> Response:
    return JSONResponse({"html": "x" * (5 << 20)})


async def _never(_: Message) -> Response:
    await anyio.sleep(PATIENCE_SECONDS)
    return Response()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_refused, "status 503"),
        (_no_json, "no JSON"),
        (_no_html, "without html"),
        (_too_large, "more than"),
        (_never, "no answer in 1 s"),
    ],
)
async def test_a_card_that_cannot_be_rendered_is_an_error_entry_until_it_can(
    open_engine: OpenEngine, tmp_path: Path, answer: object, reason: str
) -> None:
    async def spoiled(message: Message) -> Response:
        return await (answer if message["key"] == "c1.json" else as_html)(message)  # type: ignore[operator]

    async with (
        prerender_service(5) as service,
        HttpRenderer(service.url, tabs=5, timeout_seconds=1) as renderer,
        open_engine(visitor=renderer) as engine,
    ):
        service.answer = spoiled
        await indexed(engine, "one", tmp_path, realm_of(3))
        ((key, error),) = await engine.errors("one")
        assert key == "c1.json"
        assert error.startswith("RenderFailed: ")
        assert reason in error
        service.answer = as_html
        await indexed(engine, "one", tmp_path, {})
        assert await engine.errors("one") == []


async def test_a_service_that_is_not_there_is_an_error_of_each_card(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with prerender_service(5) as service:
        url = service.url
    async with (
        HttpRenderer(url) as renderer,
        open_engine(visitor=renderer) as engine,
    ):
        await indexed(engine, "one", tmp_path, realm_of(2))
        assert {error.split(":")[0] for _, error in await engine.errors("one")} == {"RenderFailed"}


def test_one_tab_is_too_few() -> None:
    with pytest.raises(BadSetting, match="take two"):
        HttpRenderer("http://localhost", tabs=1)
