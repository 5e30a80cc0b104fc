"""The API and the console as a server of their own, in the foreground."""

import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import BadSetting
from engine.settings import Settings, secret

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST, PORT = "127.0.0.1", 8765


def serve_command(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port.")] = PORT,
    prefix: Annotated[str, typer.Option(help="Where a proxy has it: /index.")] = "",
    folder: Annotated[
        list[Path] | None, typer.Option(help="A folder below which callers may index.")
    ] = None,
    agents_write: Annotated[
        bool, typer.Option("--agents-write", help="Agents with the token may index, too.")
    ] = False,
) -> None:
    """Serve the console, the API, and agents at /mcp, and run jobs.

    Whoever comes in shows the token of WIDTHWISE_TOKEN; without one a token is made for this
    run and printed here.
    """
    # A server is for those who serve.
    import uvicorn  # noqa: PLC0415

    token = secret("WIDTHWISE_TOKEN")
    read = secret("WIDTHWISE_READ_TOKEN")
    if not token:
        if host not in (HOST, "localhost", "::1"):
            raise BadSetting(f"host={host}: set WIDTHWISE_TOKEN to be reached from other machines")
        token = secrets.token_urlsafe(24)
        _say(f"token of this run: {token}")
    app = served_app(token, read, folder or (), agents_may_write=agents_write)
    _say(f"serving http://{f'[{host}]' if ':' in host else host}:{port}{prefix}/")
    uvicorn.run(
        app, host=host, port=port, root_path=prefix, ws="none", server_header=False,
        log_level="warning", access_log=False, timeout_graceful_shutdown=5,
    )  # fmt: skip


def _say(line: str) -> None:
    """To whoever started it, and to no log."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the output of a command


def served_app(
    token: str, read: str, folders: Sequence[Path], *, agents_may_write: bool = False
) -> "Starlette":
    """The app with an engine that is open while it is served."""
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Mount  # noqa: PLC0415

    from engine.engine import Engine  # noqa: PLC0415
    from engine.web import TokenAccess, create_app  # noqa: PLC0415

    opened: list[Engine] = []

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with Engine.open(Settings.from_environment()) as engine:
            opened.append(engine)
            try:
                yield
            finally:
                opened.clear()

    access = TokenAccess.of(write=token, read=read)
    inner = create_app(
        lambda: opened[0], authorize=access, folders=folders, agents_may_write=agents_may_write
    )
    return Starlette(routes=[Mount("/", inner)], lifespan=lifespan)
