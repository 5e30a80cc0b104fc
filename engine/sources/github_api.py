"""Ask the API of a GitHub, where the rules of this installation let us, and within bounds."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import httpx

from engine.errors import Throttled
from engine.sources.errors import SourceError, SourceMissing
from engine.sources.git_url import Remote, UrlRules, check_rules, parse_remote
from engine.sources.looking_up import checked_addresses

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

REQUEST_SECONDS = 30
MAX_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GitHubApi:
    """Made by `open_api`. `told` goes with each request."""

    url: str
    client: httpx.AsyncClient
    told: Mapping[str, Any]

    async def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The object that is answered. Raises `SourceError`, `SourceMissing` and `Throttled`."""
        where = f"{self.url}{path}"
        try:
            with anyio.fail_after(REQUEST_SECONDS):
                response = await self._answer(where, method, path, options)
        except (httpx.HTTPError, TimeoutError) as error:
            raise SourceError(f"{where}: {type(error).__name__}") from None
        _check(response, where)
        try:
            found = response.json()
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise SourceError(f"{where}: the answer is not what GitHub says here")
        return found

    async def _answer(
        self, where: str, method: str, path: str, options: Mapping[str, Any]
    ) -> httpx.Response:
        body = bytearray()
        async with self.client.stream(method, path, extensions=self.told, **options) as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise SourceError(f"{where}: answers over {MAX_ANSWER_BYTES:,} bytes")
        headers = [each for each in response.headers.items() if each[0] != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body))


def check_api(url: str, rules: UrlRules) -> Remote:
    """Raises `SourceMissing` if nothing may be shown there, as far as the URL tells.

    Where hosts are listed, the API of one is its `api.` too, as github.com has it.
    """
    api = parse_remote(f"{url.rstrip('/')}/app")
    if api.transport != "https" and not (api.transport == "http" and api.is_loopback):
        raise SourceMissing(f"{url}: an app shows who it is over https only")
    with_api = tuple(f"api.{host.strip()}" for host in rules.hosts if not host.startswith("*"))
    check_rules(api, replace(rules, transports=("https",), hosts=(*rules.hosts, *with_api)))
    return api


@asynccontextmanager
async def open_api(url: str, rules: UrlRules) -> AsyncIterator[GitHubApi]:
    """The API for the length of the block; before it, all is checked and nothing is sent."""
    api = check_api(url, rules)
    options: dict[str, Any] = {"base_url": url, "headers": dict(_HEADERS)}
    told: dict[str, Any] = {}
    if rules.public_only:
        address, *_ = await checked_addresses(api)
        named = httpx.URL(url)
        # What was checked is what is asked, by ourselves: a proxy would look it up again.
        options["base_url"] = named.copy_with(host=address)
        options["headers"]["Host"] = named.netloc.decode()
        options |= {"trust_env": False, "verify": httpx.create_ssl_context()}
        told["sni_hostname"] = named.host
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, **options) as client:
        yield GitHubApi(url, client, told)


def _check(response: httpx.Response, where: str) -> None:
    status = response.status_code
    wait = response.headers.get("retry-after", "")
    if status == 429 or (status == 403 and (wait or _is_used_up(response))):
        seconds = float(wait) if wait.isascii() and wait.isdigit() else None
        raise Throttled(f"{where}: {status}", retry_after_seconds=seconds)
    if status >= 500:
        raise SourceError(f"{where}: {status}")
    if not response.is_success:
        raise SourceMissing(
            f"{where}: {status}; look at the app's id and key, and whether it is installed on "
            "the repository with the permission to read contents"
        )


def _is_used_up(response: httpx.Response) -> bool:
    return bool(response.headers.get("x-ratelimit-remaining") == "0")
