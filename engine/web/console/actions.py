"""What the buttons do: each changes something and sends the browser back to a page."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.job import Job
from engine.web.access import SESSION_COOKIE, SESSION_SECONDS, TokenAccess
from engine.web.console.forms import NewRepository, Token
from engine.web.console.pages import in_a_browser, redirect, root_of, show_page
from engine.web.console.templating import part
from engine.web.gate import Answer, Endpoint, check_same_origin, host_of, writes
from engine.web.problem import Problem
from engine.web.realms import add, name_of
from engine.web.requests import Git, NewRealm, read_body
from engine.web.visible import Visible

T = TypeVar("T")

MAX_FORM_BYTES = 16 << 10


def action(act: Answer) -> Endpoint:
    """An endpoint for a form of ours, for whoever may write."""
    return in_a_browser(writes(act))


@action
async def add_repository(request: Request, seen: Visible) -> Response:
    form = await form_of(request, NewRepository)
    source = Git(form.url.strip(), form.branch.strip() or None, form.credentials or None)
    name = form.name.strip() or form.url.strip()
    # Through the same checks as a program's request.
    wanted = msgspec.convert({"name": name, "source": msgspec.to_builtins(source)}, NewRealm)
    _, job = await add(host_of(request), seen, wanted)
    return _asked(request, job)


@action
async def index_realm(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    from_scratch = request.query_params.get("from_scratch") == "1"
    return _asked(request, await seen.engine.index(row.name, from_scratch=from_scratch))


@action
async def pause_realm(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    await seen.engine.pause(row.name)
    return redirect(request, f"/console/realms/{part(row.name)}", said="paused")


@action
async def resume_realm(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    await seen.engine.resume(row.name)
    return redirect(request, f"/console/realms/{part(row.name)}", said="resumed")


@action
async def cancel_job(request: Request, seen: Visible) -> Response:
    job = await (await seen.job(request.path_params["id"])).cancel()
    return redirect(request, f"/console/jobs/{job.id}", said="cancelled")


@action
async def retry_job(request: Request, seen: Visible) -> Response:
    job = await seen.job(request.path_params["id"])
    return redirect(request, f"/console/jobs/{(await seen.engine.retry(job.id)).id}", said="asked")


async def log_in(request: Request) -> Response:
    """Change a token into a session. What was wrong with it is not told."""
    check_same_origin(request)
    authorize = host_of(request).authorize
    form = await form_of(request, Token)
    session = authorize.session(form.token) if isinstance(authorize, TokenAccess) else None
    if session is None:
        with_token = isinstance(authorize, TokenAccess)
        return show_page(request, "login.html", code=HTTPStatus.FORBIDDEN, with_token=with_token)
    answer = redirect(request, "/")
    answer.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=SESSION_SECONDS,
        path=root_of(request) or "/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


async def log_out(request: Request) -> Response:
    check_same_origin(request)
    answer = redirect(request, "/console/login")
    answer.delete_cookie(SESSION_COOKIE, path=root_of(request) or "/")
    return answer


async def form_of(request: Request, kind: type[T]) -> T:
    """The fields of a form as a value of `kind`."""
    content = await read_body(request, limit=MAX_FORM_BYTES)
    try:
        fields: Mapping[str, str] = dict(
            parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
        )
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "the form can't be read") from None
    return msgspec.convert(fields, kind, strict=False)


def _asked(request: Request, job: Job | None) -> Response:
    """Back to where the button was, which is a page of ours or the realm's."""
    said = "joined" if job and job.joined else "asked"
    referer = urlsplit(request.headers.get("referer", ""))
    root = root_of(request)
    if referer.netloc == request.headers.get("host") and referer.path == f"{root}/":
        return redirect(request, "/", said=said)
    realm = part(job.realm) if job else ""
    return redirect(request, f"/console/realms/{realm}" if realm else "/", said=said)
