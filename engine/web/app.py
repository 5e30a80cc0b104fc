"""The app to mount: routes, what every answer carries, and how it is put together."""

import logging
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from urllib.parse import quote

import anyio
from msgspec import MsgspecError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.engine import Engine
from engine.errors import WidthwiseError
from engine.index.database import BROKEN
from engine.settings import secret
from engine.sources import SourceError
from engine.sources.git_credentials import Credentials
from engine.web import console, events, health, jobs, realms, search, webhook
from engine.web.access import Authorize, TokenAccess
from engine.web.agents import AgentsDoor
from engine.web.describing import description
from engine.web.gate import Endpoint, Pace, reads
from engine.web.hosting import Host, Limits
from engine.web.problem import Problem, answer_problem
from engine.web.visible import Visible

log = logging.getLogger("widthwise.web")

WRITE_TOKEN = "WIDTHWISE_TOKEN"  # noqa: S105 - the name of a variable
READ_TOKEN = "WIDTHWISE_READ_TOKEN"  # noqa: S105 - the same
WEBHOOK_SECRET = "WIDTHWISE_GITHUB_WEBHOOK_SECRET"  # noqa: S105 - the same


@reads
async def describe(request: Request, _seen: Visible) -> Response:
    return JSONResponse(description(request.scope.get("root_path", "")))


def at(path: str, **endpoints: Endpoint) -> Route:
    """A route whose endpoints are by method, so that it knows all that it answers to."""

    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return Route(path, endpoint, methods=list(endpoints), name=path)


ROUTES = (
    at("/realms", GET=realms.list_realms, POST=realms.add_realm),
    # A name may hold slashes that nobody encoded: what ends in a word of ours comes first.
    at("/realms/{name:path}/index", POST=realms.index_realm),
    at("/realms/{name:path}/status", GET=realms.show_realm),
    at("/realms/{name:path}/entries", GET=realms.list_entries),
    at("/realms/{name:path}/errors", GET=realms.list_errors),
    at("/realms/{name:path}/explain", GET=realms.explain_entry),
    at("/realms/{name:path}/graph", GET=realms.show_graph),
    at("/realms/{name:path}/lines", GET=realms.show_lines),
    at("/realms/{name:path}/outline", GET=realms.show_outline),
    at("/realms/{name:path}", GET=realms.show_realm, DELETE=realms.delete_realm),
    at("/search", GET=search.search),
    at("/jobs", GET=jobs.list_jobs),
    at("/jobs/{id}", GET=jobs.show_job),
    at("/jobs/{id}/cancel", POST=jobs.cancel_job),
    at("/jobs/{id}/retry", POST=jobs.retry_job),
    at("/events", GET=events.stream_events),
    at("/webhooks/github", POST=webhook.github_push),
    at("/healthz", GET=health.healthz),
    at("/readyz", GET=health.readyz),
    at("/metrics", GET=health.metrics),
    at("/openapi.json", GET=describe),
    Route("/mcp", AgentsDoor(), name="/mcp"),
)


def create_app(
    engine: Engine | Callable[[], Engine],
    *,
    authorize: Authorize | None = None,
    folders: Sequence[str | PathLike[str]] = (),
    credentials: Mapping[str, Credentials] | None = None,
    webhook_secret: str | None = None,
    limits: Limits | None = None,
    with_console: bool = True,
    agents_may_write: bool = False,
) -> Starlette:
    """The JSON API and the console over an engine, to be served alone or mounted below any prefix.

    `engine` may be a function that gives it, for hosts that open it after they have made
    the app; nothing here opens or closes it. Without `authorize`, whoever sends the token
    of `WIDTHWISE_TOKEN` may do everything and that of `WIDTHWISE_READ_TOKEN` may look; if
    neither is set nobody comes in.

    Callers index remote repositories and documents, with `credentials` by the names that
    the host gives them here, and folders below `folders` only. `webhook_secret` is what
    GitHub signs pushes with, by default that of `WIDTHWISE_GITHUB_WEBHOOK_SECRET`.

    Agents find their tools at `/mcp`, behind the same gate, if the package `mcp` is
    installed. They look only, unless `agents_may_write` and their sender may write.
    """
    opened = engine if callable(engine) else lambda: engine
    limits = limits or Limits()
    app = Starlette(
        routes=[*ROUTES, *(console.ROUTES if with_console else ())],
        middleware=[Middleware(SealedAnswers), Middleware(EncodedPaths)],
        exception_handlers=dict.fromkeys(
            # What none of the others is, is logged by whoever serves the app as well.
            (Problem, HTTPException, WidthwiseError, SourceError, MsgspecError, *BROKEN, Exception),
            answer_problem,
        ),
    )
    app.state.host = Host(
        opened,
        authorize or _by_token(),
        limits,
        tuple(map(Path, folders)),
        dict(credentials or {}),
        secret(WEBHOOK_SECRET) if webhook_secret is None else webhook_secret,
        agents_may_write,
    )
    app.state.pace = Pace(limits.requests_per_minute)
    app.state.searches = anyio.CapacityLimiter(limits.searches_at_once)
    app.state.streams = anyio.CapacityLimiter(limits.streams)
    return app


def _by_token() -> TokenAccess:
    write, read = secret(WRITE_TOKEN), secret(READ_TOKEN)
    if not (write or read):
        log.warning("nobody can come in: set %s, or pass `authorize`", WRITE_TOKEN)
    return TokenAccess.of(write=write, read=read)


class EncodedPaths:
    """Routes by the path as it was sent, so that a realm's name is one segment if encoded.

    The server decodes `realms/a%2Fb/status` to `realms/a/b/status`, in which nobody can tell
    where the name ends. So path parameters are decoded by who reads them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
            scope = {**scope, "path": raw.partition(b"?")[0].decode("ascii", "replace")}
        await self._app(scope, receive, send)


class SealedAnswers:
    """Headers that keep an answer from being anything else than what it is."""

    HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"DENY"),
        (
            b"content-security-policy",
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                headers += [each for each in self.HEADERS if each[0] not in names]
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sealed)
