"""Pushes that GitHub tells of become requests for passes. Trusts a signature and nothing else."""

import hashlib
import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.index.live import RealmRow
from engine.web.gate import host_of
from engine.web.problem import Problem
from engine.web.requests import read_body

# GitHub's own bound on what it sends.
MAX_PUSH_BYTES = 25 << 20

PAGE = 500


class Repository(msgspec.Struct, frozen=True):
    clone_url: str
    ssh_url: str = ""
    git_url: str = ""
    default_branch: str = ""


class Push(msgspec.Struct, frozen=True):
    """What is read of a push; the rest of it is not looked at."""

    repository: Repository
    ref: str = ""


async def github_push(request: Request) -> Response:
    """Index every realm over the branch that was pushed."""
    host = host_of(request)
    if not host.webhook_secret:
        raise Problem(HTTPStatus.NOT_FOUND, "no webhook is set up on this server")
    body = await read_body(request, limit=MAX_PUSH_BYTES)
    if not _is_signed(body, request.headers.get("x-hub-signature-256", ""), host.webhook_secret):
        raise Problem(HTTPStatus.UNAUTHORIZED, "the signature is not that of the shared secret")
    event = request.headers.get("x-github-event", "")
    if event != "push":
        return JSONResponse({"event": event[:100], "jobs": []})
    push = msgspec.json.decode(body, type=Push)
    engine = host.opened()
    jobs, after = [], ""
    while page := await engine.page_realms(after=after, limit=PAGE):
        jobs += [await engine.index(row.name) for row in page if concerns(push, row)]
        after = page[-1].name
    answer = [{"id": job.id, "realm": job.realm, "joined": job.joined} for job in jobs]
    return JSONResponse({"event": event, "jobs": answer}, HTTPStatus.ACCEPTED)


def concerns(push: Push, realm: RealmRow) -> bool:
    """Whether the realm is over the branch that was pushed, or deleted."""
    if realm.source.get("kind") != "git":
        return False
    repository = push.repository
    places = {_place(url) for url in (repository.clone_url, repository.ssh_url) if url}
    branch = realm.source.get("branch") or repository.default_branch
    return _place(realm.source["url"]) in places and push.ref == f"refs/heads/{branch}"


def _is_signed(body: bytes, shown: str, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), shown.encode("utf-8", "replace"))


def _place(url: str) -> str:
    """`host/owner/name`, in whichever way a URL says it."""
    if "://" not in url:
        url = "ssh://" + url.replace(":", "/", 1)
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path}".removesuffix("/").removesuffix(".git").lower()
