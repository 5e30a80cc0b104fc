"""Runs visits against a prerender service: by a plan, naively, or through the engine."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import httpx

from benchmarks.cards import Generated
from benchmarks.edge_trees import FilesOnDisk, our_edges
from benchmarks.prerender_service import Behaviour
from benchmarks.visit_figures import Dependencies, Figures, bound_seconds, figures
from engine import CardEntry, CardRealm, Engine, HttpRenderer, Isolation, PassReport, Settings
from engine.slots import Slot
from engine.visit_all import visit_all
from resolver import DependencyGraph, render_envelope, visit_concurrency

SCRIPTS: Final = (".gts", ".ts", ".gjs", ".js")
ATTEMPTS: Final = 5
PAGE: Final = 1_000

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    """The service, reset to a behaviour before each run."""

    client: httpx.AsyncClient

    async def begin(self, behaviour: Behaviour) -> None:
        (await self.client.put("/behaviour", json=asdict(behaviour))).raise_for_status()

    async def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.get("/log")).json()
        return found

    async def ask(self, what: str, message: Message) -> bool:
        return (await self.client.post(f"/{what}", json=message)).status_code == httpx.codes.OK


@asynccontextmanager
async def service_at(url: str) -> AsyncIterator[Service]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, timeout=None, trust_env=False, limits=limits
    ) as client:
        yield Service(client)


async def run_graph(
    service: Service, name: str, graph: Dependencies, behaviour: Behaviour, cap: int
) -> Figures:
    """Visit a graph's keys as a pass would, with nothing but the service behind a visit."""
    plan = DependencyGraph(graph).plan()
    limit = visit_concurrency(
        len(plan), plan.max_layer_width, envelope=render_envelope(behaviour.tabs), cap=cap
    )

    async def visit(key: str, slot: Slot) -> None:
        async with slot:
            await service.ask("visit", {"realm": name, "key": key})

    await service.begin(behaviour)
    await visit_all(plan, visit, limit=limit)
    slots = min(cap, render_envelope(behaviour.tabs))
    return figures(
        await service.log(), subject=name, way="plan", cap=cap, files=len(plan), slots=slots,
        bound=bound_seconds(graph, behaviour, slots=slots),
    )  # fmt: skip


class Realm:
    """A realm of cards on disk, and what its modules need of each other."""

    def __init__(self, name: str, root: Path, *, modules: int, cards: int) -> None:
        Generated(root, modules=modules, cards=cards)
        self.name = name
        self.root = root
        self.files = modules + cards
        tree = FilesOnDisk(root)
        self.scripts = [key for key in tree.keys if key.endswith(SCRIPTS)]
        self.imports: dict[str, list[str]] = {key: [] for key in self.scripts}
        for reader, read in sorted(our_edges(tree, SCRIPTS).pairs):
            self.imports[reader].append(read)
        self.cards: list[Message] = []

    def message(self, card: CardEntry) -> Message:
        """What is sent of a card, as far as the service reads it."""
        document = {"classes": card.classes, "attributes": card.attributes}
        return {"realm": self.name, "key": card.key, "document": document}

    def figures(
        self, log: Sequence[Mapping[str, Any]], way: str, behaviour: Behaviour, cap: int
    ) -> Figures:
        """The bound is that of the files of which the run asked something."""
        called = {each["key"] for each in log}
        needed = {each["key"]: _modules(each) for each in self.cards} | self.imports
        kept = {key: [each for each in needed.get(key, ()) if each in called] for key in called}
        slots = min(cap, behaviour.tabs)
        return figures(
            log, subject=self.name, way=way, cap=cap, files=self.files, slots=slots,
            bound=bound_seconds(kept, behaviour, slots=slots),
        )  # fmt: skip


def _modules(card: Message) -> list[str]:
    keys = (str(each).rpartition("#")[0] for each in card["document"]["classes"])
    return [key for key in keys if ":" not in key]


async def run_naively(service: Service, realm: Realm, behaviour: Behaviour, cap: int) -> Figures:
    """All files in the order in which they are listed, so many at once, again if given up."""
    await service.begin(behaviour)
    limit = anyio.CapacityLimiter(cap)

    async def visit(what: str, message: Message) -> None:
        async with limit:
            for _ in range(ATTEMPTS):
                if await service.ask(what, message):
                    return

    files = [("card", each) for each in realm.cards]
    files += [("module", {"realm": realm.name, "key": key}) for key in realm.scripts]
    async with anyio.create_task_group() as tasks:
        for what, message in sorted(files, key=lambda file: str(file[1]["key"])):
            tasks.start_soon(visit, what, message)
    return realm.figures(await service.log(), "naive", behaviour, cap)


async def run_engine(
    service: Service, realm: Realm, behaviour: Behaviour, cap: int, home: Path
) -> tuple[Figures, PassReport]:
    """A pass from nothing. Cap 1 is what a user without concurrency has."""
    settings = Settings(
        home=home, embedder="hashed", isolation=Isolation.INLINE, index_concurrency=cap,
        prerender_tabs=behaviour.tabs,
    )  # fmt: skip
    await service.begin(behaviour)
    url = str(service.client.base_url)
    async with (
        HttpRenderer(url, tabs=behaviour.tabs) as renderer,
        Engine.open(settings, visitor=renderer) as engine,
    ):
        name = f"{realm.name} at {cap}"
        added = await engine.add_realm(name, CardRealm(realm.root))
        report = await (await added.index()).finished()
        found = [realm.message(each) async for each in _cards(engine, name)]
        # A run that gave some up knows less of them.
        realm.cards = max(realm.cards, found, key=len)
    return realm.figures(await service.log(), "engine", behaviour, cap), report


async def _cards(engine: Engine, name: str) -> AsyncIterator[CardEntry]:
    after = ""
    while page := await engine.cards(name, after=after, limit=PAGE):
        for card in page:
            yield card
        after = page[-1].key
