"""Access tokens of Google Cloud: of a service account's file, or of the machine we run on."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
import anyio.to_thread

from engine.embedders.embedder import EmbedderUnavailable
from engine.embedders.provider_url import ProviderUrl
from engine.errors import PermanentFailure

if TYPE_CHECKING:
    from engine.embedders.http_client import HttpClient, Reply

log = logging.getLogger("widthwise.embedders")

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
METADATA_URL: Final = "http://metadata.google.internal"
METADATA_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/token"

# A token this close to its end could end while it is on its way.
REFRESH_SECONDS: Final = 300

# Google's limit for the proof that we hold the key, and room for clocks that differ.
PROOF_SECONDS: Final = 3_600
CLOCK_SKEW_SECONDS: Final = 60

MAX_ANSWER_BYTES: Final = 64 << 10
MAX_FILE_BYTES: Final = 64 << 10


class TokenSource(Protocol):
    """`fetch` gives a token and the seconds that it is good for."""

    async def fetch(self, client: "HttpClient") -> tuple[str, float]: ...


class ServiceAccount:
    """The key in the JSON file of a service account. The file is read when a token is minted."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"ServiceAccount({self._path!r})"

    async def fetch(self, client: "HttpClient") -> tuple[str, float]:
        account = await anyio.to_thread.run_sync(self._read)
        url = _token_url(str(account["token_uri"]), self._path)
        proof = await anyio.to_thread.run_sync(self._proof, account)
        reply = await client.ask(
            "POST",
            url,
            headers={},
            data={"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": proof},
            max_bytes=MAX_ANSWER_BYTES,
        )
        return _granted(reply, self._path)

    def _read(self) -> dict[str, Any]:
        try:
            with Path(self._path).open("rb") as file:
                account = json.loads(file.read(MAX_FILE_BYTES))
        except (OSError, ValueError, RecursionError):
            account = None
        wanted = ("client_email", "private_key", "token_uri")
        if not isinstance(account, dict) or not all(account.get(name) for name in wanted):
            raise PermanentFailure(
                f"{self._path}: no key of a service account; set GOOGLE_APPLICATION_CREDENTIALS "
                "to the JSON file of one, or unset it on a machine of Google Cloud"
            )
        return account

    def _proof(self, account: dict[str, Any]) -> str:
        """Signed, so that Google knows that we hold the key."""
        import jwt  # noqa: PLC0415 - with it comes cryptography, for those who need it

        now = int(time.time())
        claims = {
            "iss": account["client_email"],
            "scope": SCOPE,
            "aud": account["token_uri"],
            "iat": now - CLOCK_SKEW_SECONDS,
            "exp": now - CLOCK_SKEW_SECONDS + PROOF_SECONDS,
        }
        key_id = account.get("private_key_id")
        headers = {"kid": key_id} if isinstance(key_id, str) else None
        try:
            return jwt.encode(claims, account["private_key"], algorithm="RS256", headers=headers)
        except (ValueError, TypeError, AttributeError, jwt.PyJWTError):
            # Without the cause: its text may quote the key.
            raise PermanentFailure(f"{self._path}: the private key is no RSA key") from None


class MetadataServer:
    """The account of the machine, as Google Cloud hands it to what runs there."""

    def __init__(self, url: str = METADATA_URL) -> None:
        self._url = url

    def __repr__(self) -> str:
        return f"MetadataServer({self._url!r})"

    async def fetch(self, client: "HttpClient") -> tuple[str, float]:
        from engine.embedders.http_client import HttpClient  # noqa: PLC0415 - see there

        # Never by way of a proxy: it would be the proxy's account.
        async with HttpClient(concurrency=1, timeout_seconds=10, directly=True) as direct:
            reply = await direct.ask(
                "GET",
                f"{self._url}{METADATA_PATH}",
                headers={"Metadata-Flavor": "Google"},
                max_bytes=MAX_ANSWER_BYTES,
            )
        return _granted(reply, self._url)


class AccessTokens:
    """One token, kept until shortly before it ends; many may ask at once, one fetches."""

    def __init__(self, source: TokenSource, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._token = ""
        self._ends_at = self._refresh_at = clock()
        self._fetching = anyio.Lock()

    @property
    def token(self) -> str:
        """The latest, which may have ended; empty before the first."""
        return self._token

    async def current(self, client: "HttpClient") -> str:
        if self._clock() >= self._refresh_at:
            async with self._fetching:
                if self._clock() >= self._refresh_at:
                    await self._refresh(client)
        return self._token

    def forget(self) -> None:
        """It was refused: the next call needs another."""
        self._ends_at = self._refresh_at = self._clock()

    async def _refresh(self, client: "HttpClient") -> None:
        asked_at = self._clock()
        try:
            self._token, seconds = await self._source.fetch(client)
        except (EmbedderUnavailable, TimeoutError) as error:
            if self._clock() >= self._ends_at:
                raise
            log.warning("no new access token yet, the old one is good for a while: %s", error)
        else:
            self._ends_at = asked_at + seconds
            self._refresh_at = asked_at + max(seconds - REFRESH_SECONDS, seconds / 2)


def _token_url(url: str, path: str) -> str:
    parsed = ProviderUrl.parsed(url)
    if not parsed.is_https and not parsed.is_loopback:
        raise PermanentFailure(f"{path}: its token_uri is not https; no proof is sent there")
    return parsed.at("")


def _granted(reply: "Reply", where: str) -> tuple[str, float]:
    """What it answered with is in no error: it may be a token."""
    if reply.status >= 500 or reply.status == 429:
        raise EmbedderUnavailable(f"{where}: no access token, status {reply.status}")
    if reply.status != 200:
        raise PermanentFailure(
            f"{where}: no access token, status {reply.status}; look whether the account exists "
            "and its key is in force"
        )
    try:
        granted = json.loads(reply.body)
        token, seconds = granted["access_token"], float(granted.get("expires_in", 0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        token, seconds = "", 0.0
    if not isinstance(token, str) or not token or not all("!" <= each <= "~" for each in token):
        raise EmbedderUnavailable(f"{where}: answered without an access token")
    return token, seconds
