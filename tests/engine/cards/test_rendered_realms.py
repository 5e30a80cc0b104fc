"""What a service renders of cards is what it would render of them afresh, whatever was edited."""

import hashlib
import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from card_files import BASE, EMPLOYEE, PERSON, card, module
from live_trees import OpenEngine, live_rows, write_tree
from prerender_service import Message, Prerender, prerender_service
from starlette.responses import JSONResponse, Response

from engine import BadSetting, CardRealm, Engine, HttpRenderer, PassReport

_IMPORTED = re.compile(r"from '\./([a-z]+)'")
BADGE = "export const Badge = <template>{}</template>;\n"
USES_BADGE = EMPLOYEE.replace(
    "import { Person }", "import { Badge } from './badge';\nimport { Person }"
)
REALM = {
    "person.gts": PERSON,
    "employee.gts": USES_BADGE,
    "badge.gts": BADGE.format("round"),
    "a.json": card("./person", "Person", {"firstName": "A"}),
    "b.json": card("./employee", "Employee", {"firstName": "B"}, friends_0="./a"),
    "c.json": card(f"{BASE}/card-api", "CardDef", {"title": "C"}),
}


class FromTexts:
    """Renders by the texts of all modules behind a card's classes, and names them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.rendered: list[str] = []

    async def __call__(self, message: Message) -> Response:
        self.rendered.append(message["key"])
        keys = [each.rpartition("#")[0] for each in message["document"]["classes"]]
        texts: dict[str, bytes] = {}
        while keys:
            key = keys.pop()
            if ":" not in key and key not in texts:
                path = self._root / key
                texts[key] = path.read_bytes() if path.is_file() else b""
                keys += [f"{each}.gts" for each in _IMPORTED.findall(texts[key].decode())]
        seen = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()
        return JSONResponse({"html": f"<p>{seen}</p>", "deps": [*texts, "https://x.org/y", 1]})


class Rendering:
    """A realm, the engine that indexes it, and the service that renders it."""

    def __init__(self, engine: Engine, root: Path, service: Prerender) -> None:
        self.engine = engine
        self.root = root
        self.service = service
        self.renders = FromTexts(root)
        service.answer = self.renders

    async def index(
        self, files: Mapping[str, str | None], *, realm: str = "cards"
    ) -> tuple[PassReport, list[str]]:
        """The report, and the cards that were rendered."""
        self.renders.rendered.clear()
        there = {k: text for k, text in files.items() if text or (self.root / k).exists()}
        write_tree(self.root, there)
        await self.engine.add_realm(realm, CardRealm(self.root))
        report = await (await self.engine.index(realm)).finished()
        return report, sorted(self.renders.rendered)


@asynccontextmanager
async def rendering(open_engine: OpenEngine, root: Path) -> AsyncIterator[Rendering]:
    async with (
        prerender_service(5) as service,
        HttpRenderer(service.url, tabs=5) as renderer,
        open_engine(visitor=renderer) as engine,
    ):
        yield Rendering(engine, root, service)


async def test_a_template_is_rendered_again_for_exactly_the_cards_that_use_it(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with rendering(open_engine, tmp_path) as cards:
        _, rendered = await cards.index(REALM)
        assert rendered == ["a.json", "b.json", "c.json"]
        assert (await cards.index({}))[1] == []
        edited = PERSON.replace("<h1>", "<h2>").replace("</h1>", "</h2>")
        assert (await cards.index({"person.gts": edited}))[1] == ["a.json", "b.json"]
        edited = USES_BADGE.replace("<h1>", "<h3>").replace("</h1>", "</h3>")
        assert (await cards.index({"employee.gts": edited}))[1] == ["b.json"]
        # Which modules a template imports, the answer of the service tells.
        assert (await cards.index({"badge.gts": BADGE.format("square")}))[1] == ["b.json"]
        assert (await cards.index({"badge.gts": None}))[1] == ["b.json"]
        assert (await cards.index({"badge.gts": BADGE.format("round")}))[1] == ["b.json"]
        assert (await cards.index({"other.gts": module("Other")}))[1] == []


def edited(at: random.Random) -> dict[str, str | None]:
    """One edit: of a template, a field, a card; a module that goes or comes."""
    mark = f"{at.randrange(4)}"
    choices: list[dict[str, str | None]] = [
        {"person.gts": PERSON.replace("<h1>", f"<h1>{mark}")},
        {"employee.gts": USES_BADGE.replace("<h1>", f"<h1>{mark}")},
        {"employee.gts": EMPLOYEE},
        {"badge.gts": BADGE.format(mark)},
        {"badge.gts": None},
        {"person.gts": None},
        {"person.gts": module("Person", f"f{mark} = contains(StringField)")},
        {"a.json": card("./person", "Person", {"firstName": mark})},
        {"b.json": card("./person", "Person", {"firstName": mark}, friends_0="./a")},
        {"b.json": REALM["b.json"], "person.gts": PERSON},
    ]
    return at.choice(choices)


async def told(dsn: str, realm: str) -> list[dict[str, object]]:
    """The live rows; of one with an error, the rest is what the last good visit left."""
    rows = await live_rows(dsn, realm)
    of_failed = ("key", "error", "dependencies", "probes")
    return [
        row if row["error"] is None else {name: row[name] for name in of_failed} for row in rows
    ]


@pytest.mark.parametrize("seed", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_after_any_edits_each_card_shows_what_would_be_rendered_afresh(
    open_engine: OpenEngine, tmp_path: Path, dsn: str, seed: int
) -> None:
    at = random.Random(seed)
    async with rendering(open_engine, tmp_path) as cards:
        await cards.index(REALM)
        for number in range(8 if seed == 2 else 60):
            await cards.index(edited(at) | edited(at))
            await cards.index({}, realm=f"fresh {number}")
            assert await told(dsn, "cards") == await told(dsn, f"fresh {number}")


async def test_a_redirect_is_the_error_of_its_card_and_leads_nowhere(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with rendering(open_engine, tmp_path) as cards:

        async def elsewhere(_: Message) -> Response:
            return Response("", 307, headers={"location": f"{cards.service.url}/module"})

        cards.service.answer = elsewhere
        await cards.index({"c.json": REALM["c.json"]})
        ((_, error),) = await cards.engine.errors("cards")
        assert error == f"RenderFailed: {cards.service.url}/card: status 307"
        assert cards.service.modules == []


@pytest.mark.parametrize(
    "url",
    ["ftp://x.org", "file:///etc/passwd", "x.org", "http://", "https://me:secret@x.org",
     "https://x.org/?token=secret"],
)  # fmt: skip
def test_the_address_of_a_service_is_http_and_holds_no_secret(url: str) -> None:
    with pytest.raises(BadSetting) as refused:
        HttpRenderer(url)
    assert "secret" not in str(refused.value)
