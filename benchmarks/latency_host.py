"""A web app with routes of its own and the engine mounted, for `benchmarks.latency`.

Prints its port, then serves until it is told to stop. `/lag` tells how late the event loop
was since it was last asked: a sleep of a few milliseconds ends that much after its time.
"""

import argparse
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from engine import Engine, Isolation, Settings
from engine.web import Access, create_app

SAMPLE_SECONDS = 0.005
WORK_SECONDS = 0.001

# Where jobs fail, they shall do so while somebody looks.
BACKOFF_SECONDS = 0.5


class Lag:
    """Samples of how many milliseconds late the loop is."""

    def __init__(self) -> None:
        self._samples: list[float] = []

    async def sample_forever(self) -> None:
        while True:
            due = time.perf_counter() + SAMPLE_SECONDS
            await anyio.sleep(SAMPLE_SECONDS)
            self._samples.append(max(0.0, (time.perf_counter() - due) * 1e3))

    async def tell(self, _: Request) -> Response:
        samples, self._samples = self._samples, []
        return JSONResponse(samples)


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def work(_: Request) -> Response:
    """What a template or some JSON costs: a millisecond of this thread's own time."""
    until = time.thread_time() + WORK_SECONDS
    while time.thread_time() < until:
        pass
    return PlainTextResponse("done")


def app_of(settings: Settings, tree: Path) -> Starlette:
    lag = Lag()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Engine.open(settings) as engine, anyio.create_task_group() as tasks:
            app.state.engine = engine
            tasks.start_soon(lag.sample_forever)
            yield
            tasks.cancel_scope.cancel()

    index = create_app(
        lambda: app.state.engine, authorize=lambda _: Access(can_write=True), folders=[tree]
    )
    own = [Route("/hello", hello), Route("/work", work), Route("/lag", lag.tell)]
    app = Starlette(routes=[*own, Mount("/index", index)], lifespan=lifespan)
    return app


def main() -> None:
    """Of a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--isolation", type=Isolation, required=True)
    parser.add_argument("--embedder", required=True)
    parser.add_argument("--memory-mb", type=int)
    options = parser.parse_args()
    settings = Settings(
        home=options.home,
        dsn=options.dsn,
        isolation=options.isolation,
        embedder=options.embedder,
        memory_limit_mb=options.memory_mb,
        backoff_seconds=BACKOFF_SECONDS,
    )
    # With its protocol named: without, asyncio leaves Nagle's algorithm on, which holds back the
    # second half of each answer until the first is acknowledged, 40 ms later.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        print(listening.getsockname()[1], flush=True)
        # What is there after installing, whatever else this environment has.
        config = uvicorn.Config(
            app_of(settings, options.tree), loop="asyncio", http="h11", log_level="warning"
        )
        uvicorn.Server(config).run(sockets=[listening])
