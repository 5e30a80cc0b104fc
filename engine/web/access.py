"""Who may see and change what. Knows tenants and tokens; knows no realm."""

import hashlib
import hmac
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import HTTPConnection

from engine.errors import BadSetting

# A shorter token can be guessed by whoever may ask often enough.
MIN_TOKEN_CHARS = 16

SESSION_SECONDS = 12 * 3600
SESSION_COOKIE = "widthwise_session"


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do. `tenants` are whose realms it may see; None means everybody's."""

    tenants: frozenset[str] | None = None
    can_write: bool = False

    def sees(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants


Authorize: TypeAlias = Callable[[HTTPConnection], "Access | Awaitable[Access | None] | None"]
"""Given a request, what its sender may do; None is a stranger."""


async def access_of(authorize: Authorize, request: HTTPConnection) -> Access | None:
    answer = authorize(request)
    return await answer if inspect.isawaitable(answer) else answer


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """Authorizes whoever holds a token, as `Authorization: Bearer` or by a console session.

    Of the tokens only their digests are held. A session is a cookie that says until when
    it lasts and which token opened it, sealed with that token's digest: any process that
    knows the token can tell a true one, and a new token ends all sessions of the old.
    """

    _access: dict[bytes, Access] = field(repr=False)

    @classmethod
    def of(cls, *, write: str = "", read: str = "") -> "TokenAccess":
        """`write` may do everything, `read` may look. Raises `BadSetting` for a weak token."""
        for token in filter(None, (write, read)):
            if len(token) < MIN_TOKEN_CHARS:
                raise BadSetting(f"a token of fewer than {MIN_TOKEN_CHARS} characters is guessed")
        access = {_digest(read): Access()} if read else {}
        return cls(access | ({_digest(write): Access(can_write=True)} if write else {}))

    def __call__(self, request: HTTPConnection) -> Access | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.of_token(token.strip())
        return self._of_session(request.cookies.get(SESSION_COOKIE, ""), time.time())

    def of_token(self, token: str) -> Access | None:
        found = self._known(_digest(token))
        return None if found is None else self._access[found]

    def session(self, token: str, *, now: float | None = None) -> str | None:
        """The cookie of a session that begins now; None if the token is none of ours."""
        key = self._known(_digest(token))
        if key is None:
            return None
        until = int((time.time() if now is None else now) + SESSION_SECONDS)
        return f"{until}.{_seal(key, until)}"

    def _of_session(self, cookie: str, now: float) -> Access | None:
        until, _, seal = cookie.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) <= 12) or int(until) < now:
            return None
        keys = [key for key in self._access if _equal(_seal(key, int(until)), seal)]
        return self._access[keys[0]] if keys else None

    def _known(self, digest: bytes) -> bytes | None:
        # Every digest is compared, so that the time tells nothing of which one was near.
        equal = [key for key in self._access if hmac.compare_digest(key, digest)]
        return equal[0] if equal else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _seal(key: bytes, until: int) -> str:
    return hmac.new(key, f"session {until}".encode(), hashlib.sha256).hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogateescape"))
