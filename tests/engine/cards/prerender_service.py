"""A real prerender service over HTTP on loopback, with a pool of tabs that it says all about."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Message = dict[str, Any]


async def as_html(message: Message) -> Response:
    return JSONResponse({"html": f"<h1>Rendered <b>{message['key']}</b></h1><script>no</script>"})


@dataclass
class Prerender:
    """Each call takes a tab. A card keeps its own until each module of its class is loaded.

    With `cards_first` a card needs something that nobody asks for, too, and keeps its tab while
    that is loaded in another. None is loaded before so many cards have had a tab at once.
    """

    url: str
    tabs: int
    cards_first: int = 0
    answer: Callable[[Message], Awaitable[Response]] = as_html
    asked: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    modules: list[tuple[str, str]] = field(default_factory=list)
    with_tab: int = 0
    loaded_by_itself: int = 0
    loads_waiting: int = 0
    most_cards: int = 0
    _rendering: int = 0
    _closed: anyio.Event = field(default_factory=anyio.Event)
    _moved: anyio.Event = field(default_factory=anyio.Event)

    async def until(self, condition: Callable[["Prerender"], bool]) -> None:
        while not condition(self):
            await self._moved.wait()

    def close(self) -> None:
        self._closed.set()
        self._move()

    @property
    def is_stuck(self) -> bool:
        """All tabs are cards that wait for a load, none was, and some loads wait for a tab."""
        waiting = self._rendering == self.tabs and self.loads_waiting > 0
        return waiting and not self.loaded_by_itself

    async def card(self, request: Request) -> Response:
        message = await request.json()
        self.asked.append(message["key"])
        async with self._tab():
            self._rendering += 1
            self.most_cards = max(self.most_cards, self._rendering)
            self._move()
            await self._until_open(lambda: self._needed(message) <= set(self.modules))
            if self.cards_first:
                await self._load_by_itself()
            self._rendering -= 1
            self.cards.append(message["key"])
            return await self.answer(message)

    async def module(self, request: Request) -> Response:
        message = await request.json()
        self.asked.append(message["key"])
        async with self._tab():
            self.modules.append((message["realm"], message["key"]))
            self._move()
            return JSONResponse({})

    async def _load_by_itself(self) -> None:
        await self._until_open(lambda: self.most_cards >= self.cards_first)
        self.loads_waiting += 1
        self._move()
        async with self._tab():
            self.loads_waiting -= 1
            self.loaded_by_itself += 1
            self._move()

    def _needed(self, message: Message) -> set[tuple[str, str]]:
        classes = (each.rpartition("#")[0] for each in message["document"]["classes"])
        return {(message["realm"], key) for key in classes if ":" not in key}

    @asynccontextmanager
    async def _tab(self) -> AsyncIterator[None]:
        await self._until_open(lambda: self.with_tab < self.tabs)
        self.with_tab += 1
        try:
            yield
        finally:
            self.with_tab -= 1
            self._move()

    async def _until_open(self, condition: Callable[[], bool]) -> None:
        while not condition() and not self._closed.is_set():
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


@asynccontextmanager
async def prerender_service(tabs: int) -> AsyncIterator[Prerender]:
    """A service for the length of the block. Calls that wait at its end are answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Prerender(f"http://127.0.0.1:{listener.getsockname()[1]}", tabs)
        routes = [
            Route("/card", service.card, methods=["POST"]),
            Route("/module", service.module, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), lifespan="off", ws="none", log_config=None
        )
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            # Not `serve`, which would take the signals from pytest.
            tasks.start_soon(server._serve, [listener])
            try:
                yield service
            finally:
                service.close()
                server.should_exit = server.force_exit = True
