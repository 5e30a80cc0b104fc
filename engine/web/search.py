"""The endpoint that searches."""

from http import HTTPStatus

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.index.search import SearchPage
from engine.web.gate import reads
from engine.web.problem import Problem
from engine.web.requests import SearchQuery, query_of
from engine.web.visible import Visible

# An embedder that hangs must not collect callers.
SECONDS = 30.0


@reads
async def search(request: Request, seen: Visible) -> Response:
    wanted = query_of(request, SearchQuery)
    page = await searched(request.app.state.searches, seen, wanted)
    return JSONResponse(
        {
            "query": wanted.q,
            "hits": [hit.as_json() for hit in page.hits],
            "next_cursor": page.cursor,
            "warning": warning_of(seen),
        }
    )


async def searched(slots: anyio.CapacityLimiter, seen: Visible, wanted: SearchQuery) -> SearchPage:
    """A page of hits; `Problem` where as many searches run as may, or none ends in time."""
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
            return await seen.search(
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


def warning_of(seen: Visible) -> str | None:
    """What made it search by words alone, if anything did."""
    problem = seen.engine.search_problem
    return f"searched by words alone: {problem}" if problem else None
