"""The API and the console as a server of their own, in the foreground."""

import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from engine.errors import BadSetting, WidthwiseError, first_failure
from engine.settings import Settings, secret

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from engine.engine import Engine

HOST, PORT = "127.0.0.1", 8765

# Connections that wait while the engine opens.
BACKLOG = 128


class CannotListen(WidthwiseError):
    """The address is not ours, or somebody else listens there."""


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
    from engine.web import TokenAccess, create_app  # noqa: PLC0415

    token = secret("WIDTHWISE_TOKEN")
    if not token and host not in (HOST, "localhost", "::1"):
        raise BadSetting(f"host={host}: set WIDTHWISE_TOKEN to be reached from other machines")
    with _listening(host, port) as listening:
        if not token:
            token = secrets.token_urlsafe(24)
            _say(f"token of this run: {token}")
        app_over = partial(
            create_app,
            authorize=TokenAccess.of(write=token, read=secret("WIDTHWISE_READ_TOKEN")),
            folders=folder or (),
            agents_may_write=agents_write,
        )
        place = f"http://{f'[{host}]' if ':' in host else host}:{port}{prefix}/"
        try:
            anyio.run(_until_told, app_over, listening, prefix, place)
        except BaseExceptionGroup as group:
            raise first_failure(group) from group


def _listening(host: str, port: int) -> socket.socket:
    """Before anything else, so that a port that is taken is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # asyncio and the resolver each have words of their own.
        code = error.errno or 0
        reason = os.strerror(code) if code > 0 else error.strerror
        raise CannotListen(f"{host}:{port}: {reason}; choose another --host or --port") from None


async def _until_told(
    app_over: "Callable[[Engine], Starlette]", listening: socket.socket, prefix: str, place: str
) -> None:
    """Serve until SIGTERM or SIGINT, and close the engine."""
    # For those who serve, as above.
    import uvicorn  # noqa: PLC0415

    from engine.engine import Engine  # noqa: PLC0415

    serving = anyio.Event()
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_start, signals, serving, tasks.cancel_scope)
            async with Engine.open(Settings.from_environment()) as engine:
                config = uvicorn.Config(
                    app_over(engine), root_path=prefix, ws="none", server_header=False,
                    log_level="warning", access_log=False, timeout_graceful_shutdown=5,
                )  # fmt: skip
                _say(f"serving {place}")
                serving.set()
                await uvicorn.Server(config).serve(sockets=[listening])
            tasks.cancel_scope.cancel()


async def _cancel_start(
    signals: AsyncIterator[signal.Signals], serving: anyio.Event, scope: anyio.CancelScope
) -> None:
    """While it serves, uvicorn obeys the signals as well: answers are finished, then it ends."""
    async for _ in signals:
        if not serving.is_set():
            scope.cancel()


def _say(line: str) -> None:
    """To whoever started it, and to no log."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the output of a command
