"""Asks a prerender service for the HTML of cards. Knows no queue and no realm's source.

The service has so many tabs, and what it renders keeps one while the modules that it needs are
loaded in others. The bad schedule, with five tabs and two realms of four visits:

1. Five cards take the five tabs.
2. Each waits for a module, and each module for a tab.

So a module is loaded when it is visited, which is after those that it imports and before the
cards that need it; a card whose modules were not visited in this pass has them loaded before it
takes a tab, not while it keeps one. And of the tabs one is never asked for: it is for what the
service loads by itself, as components that only a template names. That reserve belongs to the
renderer, and so to all realms of an engine: one for each realm would not do, since the tabs are
shared.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import anyio

from engine.cards.connections import AnswerTooLarge, Connections, NoAnswer, Post
from engine.cards.html_text import text_of_html
from engine.errors import BadSetting
from engine.languages import cut_text, joined
from engine.syntax_visitor import SyntaxVisitor
from engine.visit import DraftChunk, File, Visit, VisitContext
from prewarm import SingleFlight
from resolver import render_envelope

log = logging.getLogger("widthwise.cards")

# The languages of what a service loads, as opposed to what it renders.
MODULES = frozenset({"gts", "gjs", "typescript", "javascript"})

MAX_ANSWER_BYTES = 4 << 20
RENDERED_CHARS = 1200

# So many modules are remembered as loaded; to load one again costs a call.
MAX_LOADED = 10_000

# Of what the service says it read; a card that reads more is rendered by luck.
MAX_DEPENDENCIES = 1_000


class RenderFailed(Exception):
    """The service could not render a card, or load a module of its; the message says why."""


class Module(NamedTuple):
    """A module of a realm as it was when it had this fingerprint."""

    realm: str
    key: str
    fingerprint: str


class Rendered(NamedTuple):
    """What the service made of a card, and the files that it says it read."""

    html: str
    dependencies: tuple[str, ...]


class HttpRenderer:
    """A visitor that adds to each card's entry the text of its rendered form.

    Other files are visited as always. `POST {url}/card` sends `realm`, `key` and `document`,
    and the answer has `html`; before that `POST {url}/module` sends `realm`, `key` and the
    `fingerprint` of each module that is visited or that the card needs, once for each
    fingerprint, which is that of its whole content. A module that can't be loaded is the
    error of the cards that need it.

    A card is rendered again when any of what its entry is made from changes, templates
    included. Of what the service reads beyond that, as components that a template imports,
    its answer tells by `deps`, a list of keys of the realm.

    Of all calls at most `tabs` less one are under way. An answer that is late, too large or
    no HTML is the error of its card, and tried again by the next pass. `version` names the
    service itself: with another one every card is visited again. Redirects are not followed.
    """

    takes_slot: Literal[True] = True

    def __init__(
        self, url: str, *, tabs: int = 5, version: str = "1", timeout_seconds: float = 60.0
    ) -> None:
        if tabs < 2:
            raise BadSetting("tabs=1: a card and a module that it needs take two")
        _check(url)
        self.fingerprint = f"{SyntaxVisitor.fingerprint}+rendered-2-{version}"
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._visitor = SyntaxVisitor()
        # Who finds a tab free asks at once, and not when the loop has done all else.
        self._envelope = render_envelope(tabs)
        self._tabs = anyio.Semaphore(self._envelope, fast_acquire=True)
        self._loads: SingleFlight[Module, None] = SingleFlight()
        self._loaded: dict[Module, None] = {}
        self._connections = Connections(self._url)

    def __repr__(self) -> str:
        return f"HttpRenderer({self._url!r}, tabs={self._envelope + 1})"

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connections.__aexit__(kind, error, traceback)

    async def visit(self, file: File, context: VisitContext) -> Visit:
        visit = await self._visitor.visit(file, context)
        if file.language in MODULES:
            async with context.slot:
                await self._warm(file)
        if visit.document is None:
            return visit
        contents = {key: context.content(key) for key in context.read if key != file.key}
        modules = [
            Module(file.realm, key, fingerprint)
            for key, fingerprint in _modules_of(visit.document, contents).items()
        ]
        message = {"realm": file.realm, "key": file.key, "document": visit.document}
        card = self._post("card", message)
        async with context.slot:
            answer = await self._answer(card, modules)
        rendered = self._rendered(answer)
        for key in rendered.dependencies:
            if key != file.key:
                context.content(key)
        return replace(visit, chunks=(*visit.chunks, *_chunks(rendered.html, visit.chunks)))

    async def _warm(self, file: File) -> None:
        try:
            await self._load(Module(file.realm, file.key, file.content_hash.hex()))
        except RenderFailed as error:
            log.warning("loading %s ahead failed, cards that need it try again: %s",
                        file.key, error)  # fmt: skip

    async def _answer(self, card: Post, modules: Sequence[Module]) -> bytes:
        """What the service says of a card, once it has the modules that the card needs."""
        for module in modules:
            await self._load(module)
        return await self._ask("card", card)

    def _rendered(self, answer: bytes) -> Rendered:
        match self._opened("card", answer):
            case {"html": str(html), **others}:
                return Rendered(html, _keys(others.get("deps")))
        raise RenderFailed(f"{self._url}/card: answered without html")

    async def _load(self, module: Module) -> None:
        """Load it unless it is; who asks at the same time waits for the same load."""
        if module not in self._loaded:
            await self._loads.do(module, lambda: self._ask_to_load(module))

    async def _ask_to_load(self, module: Module) -> None:
        self._opened("module", await self._ask("module", self._post("module", module._asdict())))
        if len(self._loaded) >= MAX_LOADED:
            self._loaded.clear()
        self._loaded[module] = None

    def _post(self, what: str, message: Mapping[str, object]) -> Post:
        return self._connections.post(f"/{what}", json.dumps(message).encode())

    async def _ask(self, what: str, post: Post) -> bytes:
        url = f"{self._url}/{what}"
        try:
            async with self._tabs:
                with anyio.fail_after(self._timeout_seconds):
                    answer = await self._connections.answer(post, max_bytes=MAX_ANSWER_BYTES)
        except TimeoutError:
            raise RenderFailed(f"{url}: no answer in {self._timeout_seconds:g} s") from None
        except NoAnswer as error:
            raise RenderFailed(f"{url}: {error}") from None
        except AnswerTooLarge:
            raise RenderFailed(f"{url}: more than {MAX_ANSWER_BYTES} bytes") from None
        if answer.status != HTTPStatus.OK:
            raise RenderFailed(f"{url}: status {answer.status}")
        return answer.body

    def _opened(self, what: str, answer: bytes) -> Any:
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            raise RenderFailed(f"{self._url}/{what}: the answer is no JSON") from None


def _check(url: str) -> None:
    """Messages and `repr` show the URL, so there is no secret in it."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSetting("a prerender service has an http:// or https:// URL")
    if parts.username is not None or parts.password is not None or parts.query:
        raise BadSetting(f"{parts.hostname}: the URL of a prerender service holds no credentials")


def _keys(found: object) -> tuple[str, ...]:
    """What the service says it read, as far as these can be keys of the realm."""
    keys = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    canonical = (joined("", each) for each in keys if ":" not in each)
    return tuple(sorted({each for each in canonical if each}))[:MAX_DEPENDENCIES]


def _modules_of(document: Mapping[str, Any], contents: Mapping[str, str]) -> dict[str, str]:
    """The modules of the realm that the card's classes are in, each with its content.

    The most general class comes first, since the others import it.
    """
    keys = (str(each).rpartition("#")[0] for each in reversed(document["classes"]))
    return {key: contents[key] for key in keys if key in contents}


def _chunks(html: str, chunks: Sequence[DraftChunk]) -> list[DraftChunk]:
    """The text of the HTML, with the lines and the title of the card's own chunks."""
    first = chunks[0]
    return [
        replace(first, text=piece, kind="rendered")
        for piece in cut_text(text_of_html(html), RENDERED_CHARS)
    ]
