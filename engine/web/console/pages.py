"""The pages: each asks the engine as one caller sees it, and fills a template."""

from functools import wraps
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from engine.jobs import JobState
from engine.web.access import SESSION_COOKIE, TokenAccess, access_of
from engine.web.console.drawing import PHASES, neighbourhood, phase_bars
from engine.web.console.forms import JobsPage, RealmsPage, SearchPage, ShownFile
from engine.web.console.plan_picture import is_worth_a_picture, picture_of
from engine.web.console.templating import render
from engine.web.gate import Answer, Endpoint, host_of, reads
from engine.web.problem import Problem, problem_of
from engine.web.realms import name_of
from engine.web.requests import query_of
from engine.web.visible import Visible

# What a page lists of a realm.
SHOWN_JOBS = 10
SHOWN_PASSES = 10
SHOWN_ERRORS = 50
SHOWN_REALMS = 50


def in_a_browser(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose problems are pages; a stranger is sent to the door."""

    @wraps(endpoint)
    async def shown(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            if problem.status is HTTPStatus.UNAUTHORIZED:
                return redirect(request, "/console/login")
            return await answer_problem(request, problem)

    return shown


def page(show: Answer) -> Endpoint:
    """A page for whoever may look."""
    return in_a_browser(reads(show))


async def answer_problem(request: Request, problem: Problem) -> Response:
    access = await access_of(host_of(request).authorize, request)
    return show_page(
        request,
        "problem.html",
        access=access,
        code=problem.status,
        headers=problem.headers,
        title=problem.status.phrase,
        detail=problem.detail,
    )


def show_page(
    request: Request,
    template: str,
    *,
    access: Any = None,
    here: str = "",
    live: bool = False,
    code: int = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    usual = {
        "root": root_of(request),
        "access": access,
        "here": here,
        "live": live,
        "said": _SAID.get(request.query_params.get("said", "")),
        "session": SESSION_COOKIE in request.cookies,
    }
    return HTMLResponse(render(template, usual | values), code, headers)


def root_of(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def redirect(request: Request, place: str, *, said: str = "") -> Response:
    place += (f"{'&' if '?' in place else '?'}said={said}") if said else ""
    return RedirectResponse(root_of(request) + place, HTTPStatus.SEE_OTHER)


_SAID = {
    "asked": "A pass was asked for.",
    "joined": "A pass was waiting already; this request joined it.",
    "cancelled": "The job was cancelled; the index is as it was.",
    "paused": "Paused: no job of this realm is begun until it is resumed.",
    "resumed": "Resumed.",
}


@page
async def show_realms(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, RealmsPage)
    found = await seen.realms(after=wanted.after, limit=SHOWN_REALMS)
    return show_page(
        request,
        "realms.html",
        access=seen.access,
        here="/",
        live=True,
        realms=found,
        next_after=found[-1].realm.name if len(found) == SHOWN_REALMS else None,
        credentials=sorted(host_of(request).credentials),
    )


@page
async def show_realm(request: Request, seen: Visible) -> Response:
    status = await seen.status(name_of(request))
    name = status.realm.name
    passes = await seen.engine.passes(name, limit=SHOWN_PASSES)
    longest = max((sum(each.phases.values()) for each in passes), default=0.0)
    rows = [
        {
            "started_at": each.started_at,
            "finished_at": each.finished_at,
            "error": each.error,
            "report": each.report,
            "bars": phase_bars(each.phases, longest),
        }
        for each in passes
    ]
    planned = next((each for each in passes if is_worth_a_picture(each.report)), None)
    return show_page(
        request,
        "realm.html",
        access=seen.access,
        live=True,
        status=status,
        passes=rows,
        phases=PHASES,
        planned_at=planned.started_at if planned else None,
        plan=picture_of(planned.report) if planned else None,
        errors=await seen.engine.errors(name, limit=SHOWN_ERRORS),
        jobs=await seen.jobs(realm=name, limit=SHOWN_JOBS),
    )


@page
async def show_jobs(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, JobsPage)
    states = [JobState(wanted.state)] if wanted.state else None
    found = await seen.jobs(states=states, before=wanted.before, limit=50)
    return show_page(
        request,
        "jobs.html",
        access=seen.access,
        here="/console/jobs",
        live=wanted.before is None,
        jobs=found,
        wanted=wanted.state,
        next_before=found[-1].id if len(found) == 50 else None,
        # Of everybody together, so not for the eyes of one tenant.
        census=await seen.engine.census() if seen.access.tenants is None else None,
    )


@page
async def show_job(request: Request, seen: Visible) -> Response:
    job = await seen.job(request.path_params["id"])
    return show_page(
        request,
        "job.html",
        access=seen.access,
        live=not job.state.is_end,
        job=job,
        attempts=await job.attempts(),
        plan=picture_of(job.report.as_json()) if job.report else None,
    )


@page
async def search(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, SearchPage)
    hits = []
    if wanted.q.strip():
        realms = [wanted.realm] if wanted.realm else []
        found = await seen.search(wanted.q, realms=realms, path=wanted.path or None, limit=20)
        hits = found.hits
    known = await seen.engine.page_realms(tenants=seen.tenants, limit=SHOWN_REALMS)
    return show_page(
        request,
        "search.html",
        access=seen.access,
        here="/console/search",
        q=wanted.q.strip(),
        realm=wanted.realm,
        path=wanted.path,
        hits=hits,
        realms=[row.name for row in known],
    )


@page
async def show_file(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, ShownFile)
    realm = await seen.realm(wanted.realm)
    near = await seen.engine.neighbours(realm.name, wanted.key)

    return show_page(
        request,
        "file.html",
        access=seen.access,
        realm=realm,
        entry=await seen.engine.entry(realm.name, wanted.key),
        near=near,
        impact=await seen.engine.impact(realm.name, wanted.key),
        explanation=await seen.engine.explain(realm.name, wanted.key),
        picture=neighbourhood(near.key, near.dependencies, near.dependents),
    )


async def show_login(request: Request) -> Response:
    with_token = isinstance(host_of(request).authorize, TokenAccess)
    return show_page(request, "login.html", with_token=with_token)
