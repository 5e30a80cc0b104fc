"""The event stream: jobs as they come into new states and move on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus

import anyio
import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import RealmNotFound
from engine.web.gate import host_of, reads
from engine.web.problem import Problem
from engine.web.requests import Name, query_of
from engine.web.visible import Visible

PING_SECONDS = 15
SEND_SECONDS = 30
RETRY_MS = 2_000

# A stream ends after this time, and its reader comes back with what it saw last: so it is
# authorized again, and a reader that has silently gone holds no place for ever.
STREAM_SECONDS = 15 * 60.0


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    realm: Name | None = None


@reads
async def stream_events(request: Request, seen: Visible) -> Response:
    """Each event is named `job` and holds a job as `/jobs/{id}` shows it.

    Its id is the time of the picture it belongs to. A reader that comes back with it in
    `Last-Event-ID` hears of every job that has ended since, and of all that have not.
    """
    wanted = query_of(request, EventsQuery)
    if wanted.realm is not None:
        await seen.realm(wanted.realm)
    streams: anyio.CapacityLimiter = request.app.state.streams
    if streams.available_tokens < 1:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"as many streams as may ({host_of(request).limits.streams}) are open; try again",
            headers={"Retry-After": "10"},
        )
    since = _moment(request.headers.get("last-event-id", ""))
    return EventSourceResponse(
        _events(streams, seen, wanted.realm, since),
        ping=PING_SECONDS,
        send_timeout=SEND_SECONDS,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    streams: anyio.CapacityLimiter, seen: Visible, realm: str | None, since: datetime | None
) -> AsyncIterator[ServerSentEvent]:
    # The place belongs to the stream and not to a task: this generator may be closed by another.
    place = object()
    streams.acquire_on_behalf_of_nowait(place)
    try:
        until = anyio.current_time() + STREAM_SECONDS
        yield ServerSentEvent(comment="jobs as they move", retry=RETRY_MS)
        async for picture in seen.engine.watch(tenants=seen.tenants, since=since):
            for row in picture.moved:
                if realm in (None, row.realm):
                    data = msgspec.json.encode(row.as_json()).decode()
                    yield ServerSentEvent(data, event="job", id=picture.at.isoformat())
            if anyio.current_time() > until:
                return
    except RealmNotFound:
        return
    finally:
        streams.release_on_behalf_of(place)


def _moment(text: str) -> datetime | None:
    """The time in an id of ours; anything else is as good as none."""
    try:
        at = datetime.fromisoformat(text[:64])
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None
