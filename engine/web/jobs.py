"""Endpoints about jobs: list, look, cancel, try again."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.jobs import Attempt
from engine.web.gate import reads, writes
from engine.web.realms import accepted
from engine.web.requests import Id, JobsQuery, query_of
from engine.web.visible import Visible


@reads
async def list_jobs(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, JobsQuery)
    found = await seen.jobs(
        realm=wanted.realm,
        states=wanted.state or None,
        before=wanted.before,
        limit=wanted.limit,
    )
    before = found[-1].id if len(found) == wanted.limit else None
    return JSONResponse({"jobs": [each.as_json() for each in found], "next_before": before})


@reads
async def show_job(request: Request, seen: Visible) -> Response:
    job = await seen.job(_id(request))
    attempts = [attempt_json(each) for each in await job.attempts()]
    return JSONResponse(job.as_json() | {"attempts": attempts})


@writes
async def cancel_job(request: Request, seen: Visible) -> Response:
    job = await seen.job(_id(request))
    return JSONResponse((await job.cancel()).as_json())


@writes
async def retry_job(request: Request, seen: Visible) -> Response:
    job = await seen.job(_id(request))
    return accepted(request, await seen.engine.retry(job.id))


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "worker": str(attempt.worker_id),
        "started_at": attempt.started_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat(),
        "outcome": attempt.outcome,
        "error": attempt.error,
        "error_kind": attempt.error_kind,
        "renewals": attempt.renewals,
        "done": attempt.done,
        "total": attempt.total,
        "reused": attempt.reused,
    }


def _id(request: Request) -> int:
    return msgspec.convert(request.path_params["id"], Id, strict=False)
