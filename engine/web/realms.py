"""Endpoints about realms: add, list, look, ask for a pass, delete."""

import hashlib
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.explain import Explanation
from engine.index.live import Entry
from engine.job import Job
from engine.status import RealmStatus
from engine.web.gate import host_of, reads, writes
from engine.web.hosting import Host
from engine.web.problem import Problem
from engine.web.requests import (
    EntriesQuery,
    GraphQuery,
    IndexRequest,
    KeyQuery,
    LinesQuery,
    NewRealm,
    OutlineQuery,
    RealmsQuery,
    body_of,
    query_of,
)
from engine.web.visible import Visible

MAX_IDEMPOTENCY_CHARS = 255


def name_of(request: Request) -> str:
    """A realm's name from the path, where it stands encoded (see `app.EncodedPaths`)."""
    return unquote(request.path_params["name"], errors="replace")


@reads
async def list_realms(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, RealmsQuery)
    found = await seen.realms(after=wanted.after, limit=wanted.limit)
    after = found[-1].realm.name if len(found) == wanted.limit else None
    return JSONResponse({"realms": [status_json(each) for each in found], "next_after": after})


@writes
async def add_realm(request: Request, seen: Visible) -> Response:
    wanted = await body_of(request, NewRealm)
    is_new, job = await add(host_of(request), seen, wanted)
    document = status_json(await seen.status(wanted.name)) | {"job": job.as_json() if job else None}
    status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return JSONResponse(document, status, {"Location": _place(request, wanted.name)})


async def add(host: Host, seen: Visible, wanted: NewRealm) -> tuple[bool, Job | None]:
    """Add a realm as its caller may; whether it is new, and the job of its first pass."""
    source = host.source(wanted.source)
    tenant = _tenant(seen, wanted.tenant)
    existing = await seen.engine.page_realms(names=[wanted.name])
    if existing and not seen.access.sees(existing[0].tenant):
        # Names are one space: that this one is taken can't be hidden, whose it is can.
        raise Problem(HTTPStatus.CONFLICT, f"realm {wanted.name!r}: the name is taken")
    await seen.engine.add_realm(wanted.name, source, replace=wanted.replace, tenant=tenant)
    return not existing, await seen.engine.index(wanted.name) if wanted.index else None


@reads
async def show_realm(request: Request, seen: Visible) -> Response:
    return JSONResponse(status_json(await seen.status(name_of(request))))


@writes
async def delete_realm(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    await seen.engine.delete_realm(row.name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@writes
async def index_realm(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = await body_of(request, IndexRequest)
    job = await seen.engine.index(
        row.name,
        from_scratch=wanted.from_scratch,
        priority=wanted.priority,
        delay_seconds=wanted.delay_seconds,
        once=_once(request, row.id, wanted),
    )
    return accepted(request, job)


@reads
async def list_entries(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = query_of(request, EntriesQuery)
    if wanted.key is not None:
        return JSONResponse(
            {"entries": [entry_json(await seen.engine.entry(row.name, wanted.key))]}
        )
    found = await seen.engine.entries(row.name, after=wanted.after, limit=wanted.limit)
    after = found[-1].key if len(found) == wanted.limit else None
    return JSONResponse({"entries": [entry_json(each) for each in found], "next_after": after})


@reads
async def list_errors(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    found = await seen.engine.errors(row.name)
    return JSONResponse({"errors": [{"key": key, "error": reason} for key, reason in found]})


@reads
async def explain_entry(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = query_of(request, KeyQuery)
    return JSONResponse(explanation_json(await seen.engine.explain(row.name, wanted.key)))


@reads
async def show_graph(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = query_of(request, GraphQuery)
    near = await seen.engine.neighbours(row.name, wanted.key)
    impact = await seen.engine.impact(row.name, wanted.key, limit=wanted.limit)
    return JSONResponse(
        {
            "key": near.key,
            "dependencies": near.dependencies,
            "dependents": near.dependents[: wanted.limit],
            "dependent_count": len(near.dependents),
            "impact": impact.keys,
            "impact_is_whole": impact.is_whole,
        }
    )


@reads
async def show_lines(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = query_of(request, LinesQuery)
    found = await seen.engine.lines(row.name, wanted.key, start=wanted.start, end=wanted.end)
    return JSONResponse(found.as_json())


@reads
async def show_outline(request: Request, seen: Visible) -> Response:
    row = await seen.realm(name_of(request))
    wanted = query_of(request, OutlineQuery)
    found = await seen.engine.outline(row.name, wanted.key, skip=wanted.skip, limit=wanted.limit)
    return JSONResponse(found.as_json())


def accepted(request: Request, job: Job) -> Response:
    """A job was asked for: where to look for it, and whether one was waiting already."""
    place = f"{request.scope.get('root_path', '')}/jobs/{job.id}"
    return JSONResponse(job.as_json(), HTTPStatus.ACCEPTED, {"Location": place})


def status_json(status: RealmStatus) -> dict[str, Any]:
    realm = status.realm
    return {
        "name": realm.name,
        "tenant": realm.tenant,
        "source": realm.source,
        "label": status.label,
        "condition": str(status.condition),
        "error": status.error,
        "paused": realm.paused,
        "generation": realm.generation,
        "revision": realm.revision or None,
        "indexed_at": realm.indexed_at.isoformat() if realm.indexed_at else None,
        "files": status.totals.files,
        "errors": status.totals.errors,
        "skipped": status.totals.skipped,
        "chunks": status.totals.chunks,
        "job": status.job.as_json() if status.job else None,
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "content_hash": entry.content_hash.hex(),
        "size": entry.size,
        "language": entry.language,
        "definition_fingerprint": entry.definition_fingerprint,
        "dependencies": entry.dependencies,
        "probes": entry.probes,
        "diagnostics": entry.diagnostics,
        "skipped": entry.skipped,
        "error": entry.error,
        "chunks": entry.chunk_count,
        "generation": entry.generation,
    }


def explanation_json(found: Explanation) -> dict[str, Any]:
    steps = [{"key": step.key, "visited": step.visited, "why": step.why} for step in found.steps]
    return {"key": found.key, "visited": found.visited, "steps": steps}


def _tenant(seen: Visible, wanted: str | None) -> str:
    """Whose a new realm is: the caller's only tenant, or one of its own that it names."""
    own = seen.access.tenants
    if wanted is None:
        if own is None:
            return ""
        if len(own) == 1:
            return next(iter(own))
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "`tenant`: name one of yours")
    if not seen.access.sees(wanted):
        raise Problem(HTTPStatus.FORBIDDEN, f"tenant {wanted!r}: is none of yours")
    return wanted


def _place(request: Request, name: str) -> str:
    return f"{request.scope.get('root_path', '')}/realms/{quote(name, safe='')}"


def _once(request: Request, realm_id: int, wanted: IndexRequest) -> bytes | None:
    """What an `Idempotency-Key` stands for: the key, for this request and this realm."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_CHARS:
        raise Problem(HTTPStatus.BAD_REQUEST, "`Idempotency-Key`: has to have 1 to 255 characters")
    asked = f"{realm_id}\n{wanted!r}\n{key}"
    return hashlib.blake2b(asked.encode("utf-8", "replace"), digest_size=16).digest()
