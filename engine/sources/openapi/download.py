"""Fetch one document over HTTP, within bounds. Knows no OpenAPI and keeps nothing."""

import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from engine.sources.addresses import is_public

MAX_REDIRECTS = 5
_HEADERS = {
    "accept": "application/json, application/yaml, */*;q=0.5",
    "accept-encoding": "gzip, deflate",
    "user-agent": "widthwise",
}
_GONE = frozenset({400, 401, 403, 404, 405, 406, 410, 451})


class FetchFailed(Exception):
    """The document can't be had; `permanent` says that to try again is of no use."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch. `refuse_private` keeps a server from asking its own neighbours."""

    max_bytes: int
    timeout_seconds: float
    refuse_private: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A content with what the server wants to be asked by next time."""

    content: bytes
    validators: dict[str, str]


def fetch(url: str, validators: dict[str, str], limits: Limits) -> Fetched | None:
    """The document, or nothing if it is still what `validators` stand for. Blocking.

    Redirects are followed on the same scheme and host only. Raises `FetchFailed`.
    """
    deadline = time.monotonic() + limits.timeout_seconds
    place = url
    # The environment may name a proxy or credentials, which are not ours to send.
    # A client would log each address, and what a server redirects to may hold credentials.
    with httpx.HTTPTransport(trust_env=False) as transport:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                answer = _ask(transport, place, validators, limits, deadline)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise FetchFailed(f"can't be fetched: {_told(error)}", permanent=False) from None
            if not isinstance(answer, str):
                return answer
            place = _redirected(place, answer)
    raise FetchFailed(f"more than {MAX_REDIRECTS} redirects", permanent=True)


def _ask(
    transport: httpx.HTTPTransport,
    url: str,
    validators: dict[str, str],
    limits: Limits,
    deadline: float,
) -> Fetched | str | None:
    """The content, where it is to be found instead, or nothing if it is unchanged."""
    response = transport.handle_request(_request(url, validators, limits))
    try:
        if response.status_code == 304:
            return None
        if response.has_redirect_location:
            return response.headers["location"]
        if response.status_code != 200:
            permanent = response.status_code in _GONE
            raise FetchFailed(f"answered {response.status_code}", permanent=permanent)
        return Fetched(_content(response, limits, deadline), _validators(response))
    finally:
        response.close()


def _request(url: str, validators: dict[str, str], limits: Limits) -> httpx.Request:
    headers = {**_HEADERS, **validators}
    extensions: dict[str, Any] = {"timeout": httpx.Timeout(limits.timeout_seconds).as_dict()}
    if not limits.refuse_private:
        return httpx.Request("GET", url, headers=headers, extensions=extensions)
    # 1. The name is looked up, and leads to a public address.
    # 2. Its owner lets it lead to a private one.
    # 3. The client looks it up again, and asks there.
    # So what was looked up once is what is asked.
    parsed = httpx.URL(url)
    address = _public_address(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))
    headers["host"] = parsed.netloc.decode()
    pinned = parsed.copy_with(host=address)
    extensions["sni_hostname"] = parsed.host
    return httpx.Request("GET", pinned, headers=headers, extensions=extensions)


def _public_address(host: str, port: int) -> str:
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not is_public(address):
            raise FetchFailed(f"{host} is at the private address {address}", permanent=True)
    if not found:
        raise FetchFailed(f"{host} has no address", permanent=False)
    return found[0]


def _content(response: httpx.Response, limits: Limits, deadline: float) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > limits.max_bytes:
            raise FetchFailed(f"more than {limits.max_bytes} bytes", permanent=True)
        if time.monotonic() > deadline:
            raise FetchFailed(f"took more than {limits.timeout_seconds:g} s", permanent=False)
    return bytes(content)


def _validators(response: httpx.Response) -> dict[str, str]:
    names = (("etag", "if-none-match"), ("last-modified", "if-modified-since"))
    return {asked: response.headers[told] for told, asked in names if told in response.headers}


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    before, after = urlsplit(url), urlsplit(target)
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        raise FetchFailed("redirects to another scheme or host, which is not followed",
                          permanent=True)  # fmt: skip
    return target


def _told(error: Exception) -> str:
    """Which kind of failure, without addresses and times, so that it stays the same."""
    return "timed out" if isinstance(error, httpx.TimeoutException) else type(error).__name__
