"""The endpoint that searches."""

from http import HTTPStatus

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.web.gate import reads
from engine.web.problem import Problem
from engine.web.requests import SearchQuery, query_of
from engine.web.visible import Visible

# An embedder that hangs must not collect callers.
SECONDS = 30.0


@reads
async def search(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, SearchQuery)
    slots: anyio.CapacityLimiter = request.app.state.searches
    try:
        slots.acquire_nowait()
    except anyio.WouldBlock:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "as many searches as may are running; try again",
            headers={"Retry-After": "1"},
        ) from None
    try:
        with anyio.fail_after(SECONDS):
            page = await seen.search(
                wanted.q,
                realms=wanted.realm,
                path=wanted.path,
                language=wanted.language,
                kind=wanted.kind or None,
                type=wanted.type,
                group=wanted.group,
                related=wanted.related,
                limit=wanted.limit,
                cursor=wanted.cursor,
            )
    except TimeoutError:
        raise Problem(
            HTTPStatus.GATEWAY_TIMEOUT, f"no answer within {SECONDS:g} s; try again"
        ) from None
    finally:
        slots.release()
    problem = seen.engine.search_problem
    return JSONResponse(
        {
            "query": wanted.q,
            "hits": [hit.as_json() for hit in page.hits],
            "next_cursor": page.cursor,
            # What made it search by words alone, if anything did.
            "warning": f"searched by words alone: {problem}" if problem else None,
        }
    )
