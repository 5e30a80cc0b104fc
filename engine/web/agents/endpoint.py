"""Agents over HTTP: one request, one answer, behind the gate that all callers pass."""

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from engine.extras import require_protocol_of_agents
from engine.web.agents.desk import Desk
from engine.web.gate import admitted, host_of
from engine.web.problem import Problem
from engine.web.requests import MAX_BODY_BYTES
from engine.web.visible import Visible

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

_DESK = "widthwise.desk"


class AgentsDoor:
    """An ASGI app for one path of ours. It keeps no sessions, so any process may answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        check_no_browser(request)
        access = await admitted(request)
        if request.method != "POST":
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "agents send POST, and nothing is pushed to them",
                headers={"Allow": "POST"},
            )
        require_protocol_of_agents()
        host = host_of(request)
        desk = Desk(Visible(host.opened(), access), host, request.app.state.searches)
        # What speaks the protocol takes a second to import, which others must not wait for.
        server = await anyio.to_thread.run_sync(_server)
        await _answer(server, {**scope, _DESK: desk}, receive, send)


def check_no_browser(request: Request) -> None:
    """Refuse what a browser sends for a page.

    A page whose name was made to mean this machine (DNS rebinding) is of one origin with us,
    so that comparing origin and host tells nothing. Agents are programs: they send no origin.
    """
    if "origin" in request.headers:
        raise Problem(HTTPStatus.FORBIDDEN, "this address is for agents, and not for pages")


@cache
def _server() -> "Server[Any]":
    from engine.web.agents.protocol import protocol_server  # noqa: PLC0415 - an extra

    def desk_of(ctx: Any) -> Desk:
        desk: Desk = ctx.request.scope[_DESK]
        return desk

    return protocol_server(desk_of)


async def _answer(server: "Server[Any]", scope: Scope, receive: Receive, send: Send) -> None:
    """By a manager that lives as long as the request: nobody runs a lifespan for us."""
    from mcp.server.streamable_http_manager import (  # noqa: PLC0415 - an extra
        StreamableHTTPSessionManager,
    )

    manager = StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=MAX_BODY_BYTES
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)
