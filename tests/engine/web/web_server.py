"""The app behind a real server on loopback, with an engine in the same loop."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import httpx
import pytest
import uvicorn

from engine.web import Access, TokenAccess, create_app

WRITE, READ = "a-token-that-may-write", "a-token-that-may-read"

Served: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def served(
    app: Any, prefix: str = "", token: str = WRITE
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, which a real server answers."""
    config = uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        with anyio.fail_after(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells of its start by this flag alone
                await anyio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}{prefix}", headers=headers, timeout=30
        ) as client:
            try:
                yield client
            finally:
                server.should_exit = True


def by_token() -> TokenAccess:
    return TokenAccess.of(write=WRITE, read=READ)


def by_tenant(request: Any) -> Access | None:
    """A host's own authorization: the caller says who it is, and is believed."""
    tenant = request.headers.get("x-tenant")
    return None if tenant is None else Access(frozenset({tenant}), can_write=True)


@pytest.fixture
def serve() -> Served:
    """Serves an engine's app: `async with serve(engine, **options) as client`."""

    @asynccontextmanager
    async def opened(
        engine: Any, *, token: str = WRITE, **options: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        options.setdefault("authorize", by_token())
        async with served(create_app(engine, **options), token=token) as client:
            yield client

    return opened
