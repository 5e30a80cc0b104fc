"""Asks a prerender service for the HTML of cards. Knows no queue and no realm's source.

The service has so many tabs, and a card that is rendered keeps one while the modules of its
class are loaded in others. The bad schedule, with five tabs and two realms of four visits:

1. Five cards take the five tabs.
2. Each waits for a module, and each module for a tab.

So cards and modules have a lane each, which together are the tabs: cards may fill all but
one, and what is loaded for them never waits for a card. The lanes belong to the renderer,
and so to all realms of an engine: a reserve for each realm would not do, since the tabs are
shared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import anyio
import httpx

from engine.cards.html_text import text_of_html
from engine.errors import BadSetting, first_failure
from engine.languages import cut_text, joined
from engine.syntax_visitor import SyntaxVisitor
from engine.visit import DraftChunk, File, Visit, VisitContext
from resolver import render_envelope

MAX_ANSWER_BYTES = 4 << 20
RENDERED_CHARS = 1200

# So many modules are remembered as loaded; to load one again costs a call.
MAX_LOADED = 10_000

# Of what the service says it read; a card that reads more is rendered by luck.
MAX_DEPENDENCIES = 1_000


class RenderFailed(Exception):
    """The service could not render a card, or load a module of its; the message says why."""


class Rendered(NamedTuple):
    """What the service made of a card, and the files that it says it read."""

    html: str
    dependencies: tuple[str, ...]


class HttpRenderer:
    """A visitor that adds to each card's entry the text of its rendered form.

    Other files are visited as always. `POST {url}/card` sends `realm`, `key` and `document`,
    and the answer has `html`; `POST {url}/module` sends `realm`, `key` and the `fingerprint`
    of a module that the card needs, at the same time, once for each fingerprint, which is
    that of its whole content.

    A card is rendered again when any of what its entry is made from changes, templates
    included. Of what the service reads beyond that, as components that a template imports,
    its answer tells by `deps`, a list of keys of the realm.

    Of all calls at most `tabs` are under way, those for cards at most `tabs` less one. An
    answer that is late, too large or no HTML is the error of its card, and tried again by
    the next pass. `version` names the service itself: with another one every card is visited
    again. Redirects are not followed.
    """

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
        self._cards = anyio.CapacityLimiter(render_envelope(tabs))
        self._modules = anyio.CapacityLimiter(tabs - render_envelope(tabs))
        self._loaded: dict[tuple[str, str, str], None] = {}
        self._client = httpx.AsyncClient(timeout=timeout_seconds, trust_env=False)

    def __repr__(self) -> str:
        return f"HttpRenderer({self._url!r}, tabs={self._cards.total_tokens + 1:.0f})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def visit(self, file: File, context: VisitContext) -> Visit:
        visit = await self._visitor.visit(file, context)
        if visit.document is None:
            return visit
        card = {"realm": file.realm, "key": file.key, "document": visit.document}
        contents = {key: context.content(key) for key in context.read if key != file.key}
        modules = _modules_of(visit.document, contents)
        try:
            rendered = await self._render(card, file.realm, modules)
        except ExceptionGroup as failures:
            raise first_failure(failures) from None
        for key in rendered.dependencies:
            if key != file.key:
                context.content(key)
        return replace(visit, chunks=(*visit.chunks, *_rendered(rendered.html, visit.chunks)))

    async def _render(
        self, card: Mapping[str, object], realm: str, modules: Mapping[str, str]
    ) -> Rendered:
        async with self._cards, anyio.create_task_group() as tasks:
            for key, fingerprint in modules.items():
                tasks.start_soon(self._load, realm, key, fingerprint)
            match await self._ask("card", card):
                case {"html": str(html), **others}:
                    return Rendered(html, _keys(others.get("deps")))
        raise RenderFailed(f"{self._url}/card: answered without html")

    async def _load(self, realm: str, key: str, fingerprint: str) -> None:
        module = (realm, key, fingerprint)
        async with self._modules:
            # Another card may have needed it meanwhile.
            if module in self._loaded:
                return
            await self._ask("module", {"realm": realm, "key": key, "fingerprint": fingerprint})
            if len(self._loaded) >= MAX_LOADED:
                self._loaded.clear()
            self._loaded[module] = None

    async def _ask(self, what: str, message: Mapping[str, object]) -> Any:
        url = f"{self._url}/{what}"
        try:
            with anyio.fail_after(self._timeout_seconds):
                return json.loads(await self._answer(url, message))
        except (TimeoutError, httpx.TimeoutException):
            raise RenderFailed(f"{url}: no answer in {self._timeout_seconds:g} s") from None
        except httpx.HTTPError as error:
            raise RenderFailed(f"{url}: {type(error).__name__}: {error}") from None
        except (ValueError, RecursionError):
            raise RenderFailed(f"{url}: the answer is no JSON") from None

    async def _answer(self, url: str, message: Mapping[str, object]) -> bytes:
        async with self._client.stream("POST", url, json=message) as response:
            if response.status_code != httpx.codes.OK:
                raise RenderFailed(f"{url}: status {response.status_code}")
            answer = bytearray()
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise RenderFailed(f"{url}: more than {MAX_ANSWER_BYTES} bytes")
        return bytes(answer)


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
    """The modules of the realm that the card's classes are in, each with its content."""
    keys = (str(each).rpartition("#")[0] for each in document["classes"])
    return {key: contents[key] for key in keys if key in contents}


def _rendered(html: str, chunks: Sequence[DraftChunk]) -> list[DraftChunk]:
    """The text of the HTML, with the lines and the title of the card's own chunks."""
    first = chunks[0]
    return [
        replace(first, text=piece, kind="rendered")
        for piece in cut_text(text_of_html(html), RENDERED_CHARS)
    ]
