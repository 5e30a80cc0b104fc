"""What every request passes: who sends it, whether it may write, how often. Knows no endpoint."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from engine.web.access import Access, access_of
from engine.web.hosting import Host
from engine.web.problem import Problem, stranger
from engine.web.visible import Visible

Answer: TypeAlias = Callable[[Request, Visible], Awaitable[Response]]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

MAX_CALLERS = 10_000


def reads(answer: Answer) -> Endpoint:
    """An endpoint for whoever may look."""

    @wraps(answer)
    async def endpoint(request: Request) -> Response:
        return await answer(request, await _visible(request))

    return endpoint


def writes(answer: Answer) -> Endpoint:
    """An endpoint for whoever may change something, from no other site's page."""

    @wraps(answer)
    async def endpoint(request: Request) -> Response:
        seen = await _visible(request)
        check_same_origin(request)
        if not seen.access.can_write:
            raise Problem(HTTPStatus.FORBIDDEN, "this caller may look, and change nothing")
        return await answer(request, seen)

    return endpoint


def host_of(request: HTTPConnection) -> Host:
    host: Host = request.app.state.host
    return host


async def admitted(request: HTTPConnection) -> Access:
    """What the sender may do; `Problem` for a stranger and for one who asks too often."""
    pace: Pace = request.app.state.pace
    wait = pace.wait_seconds(_caller(request))
    if wait > 0:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many requests; try again in {wait:.0f} s",
            headers={"Retry-After": f"{max(1, round(wait))}"},
        )
    access = await access_of(host_of(request).authorize, request)
    if access is None:
        raise stranger()
    return access


async def _visible(request: Request) -> Visible:
    access = await admitted(request)
    return Visible(host_of(request).opened(), access)


def check_same_origin(request: HTTPConnection) -> None:
    """Refuse a write that a browser sends for another site's page.

    Browsers tell where a request comes from; what is no browser tells nothing, and has no
    cookies that somebody else could use.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    if site is None and origin and urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise Problem(HTTPStatus.FORBIDDEN, "a page of another site may change nothing here")


def _caller(request: HTTPConnection) -> bytes:
    """Who asks, as far as rates go: by credential, so that a proxy's users are told apart."""
    shown = request.headers.get("authorization") or request.headers.get("cookie")
    address = request.client.host if request.client else ""
    return hashlib.blake2b((shown or address).encode("utf-8", "replace"), digest_size=8).digest()


class Pace:
    """A bucket of requests for each caller, that fills again as time goes by.

    Holds the latest `MAX_CALLERS`; who is forgotten begins with a full one.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, caller: bytes) -> float:
        """Take one request out; without one left, the seconds until there is one."""
        now = self._clock()
        left, since = self._left.get(caller, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        self._left.move_to_end(caller)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        return wait
