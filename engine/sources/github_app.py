"""Installation tokens of a GitHub App, minted when they are needed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import anyio.to_thread
import jwt

from engine.settings import secret
from engine.sources.errors import SourceMissing
from engine.sources.git_url import USUAL_RULES, Remote, UrlRules
from engine.sources.github_api import open_api

API_URL = "https://api.github.com"

# GitHub takes at most ten minutes, and its clock may be behind or ahead of ours.
CLAIM_SECONDS = 540
CLOCK_SKEW_SECONDS = 60

# A token this close to its end could end in the middle of a fetch.
REFRESH_SECONDS = 300


@dataclass(slots=True)
class GitHubApp:
    """The app's private key is named, by an environment variable or a path, and not held.

    Without `installation_id` the installation is the repository's. The token may read the
    contents of that one repository. It is kept in memory until shortly before it expires.
    """

    app_id: str
    installation_id: str = field(default="", kw_only=True)
    private_key_env: str = field(default="", kw_only=True)
    private_key_path: str = field(default="", kw_only=True)
    api_url: str = field(default=API_URL, kw_only=True)
    _kept: dict[str, tuple[str, float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    async def token(self, remote: Remote, rules: UrlRules = USUAL_RULES) -> str:
        token, expires_at = self._kept.get(remote.url, ("", 0.0))
        if time.time() > expires_at - REFRESH_SECONDS:
            token, expires_at = await self._mint(remote, rules)
            self._kept[remote.url] = token, expires_at
        return token

    def describe(self) -> dict[str, str]:
        named = {
            "credentials": "github-app",
            "app_id": self.app_id,
            "installation_id": self.installation_id,
            "private_key_env": self.private_key_env,
            "private_key_path": self.private_key_path,
            "api_url": self.api_url,
        }
        return {name: value for name, value in named.items() if value}

    @classmethod
    def from_description(cls, description: Mapping[str, str]) -> "GitHubApp":
        return cls(
            description["app_id"],
            installation_id=description.get("installation_id", ""),
            private_key_env=description.get("private_key_env", ""),
            private_key_path=description.get("private_key_path", ""),
            api_url=description.get("api_url", API_URL),
        )

    async def _mint(self, remote: Remote, rules: UrlRules) -> tuple[str, float]:
        owner, name = _repository(remote)
        async with open_api(self.api_url, rules) as api:
            shown = {"Authorization": f"Bearer {await self._claim()}"}
            installation = self.installation_id
            if not installation:
                path = f"/repos/{owner}/{name}/installation"
                found = await api.ask("GET", path, headers=shown)
                installation = str(found.get("id", ""))
            wanted = {"repositories": [name], "permissions": {"contents": "read"}}
            path = f"/app/installations/{installation}/access_tokens"
            minted = await api.ask("POST", path, headers=shown, json=wanted)
        return str(minted.get("token", "")), _seconds(minted.get("expires_at"))

    async def _claim(self) -> str:
        """Signed proof of being the app."""
        now = int(time.time())
        claims = {"iat": now - CLOCK_SKEW_SECONDS, "exp": now + CLAIM_SECONDS, "iss": self.app_id}
        key = await self._private_key()
        try:
            return jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            # Without the cause: its text may quote the key.
            raise SourceMissing(
                f"GitHub App {self.app_id}: the private key is no RSA key"
            ) from None

    async def _private_key(self) -> str:
        if self.private_key_env:
            key = secret(self.private_key_env)
        else:
            try:
                key = await anyio.to_thread.run_sync(Path(self.private_key_path).read_text)
            except (OSError, ValueError):
                key = ""
        if not key:
            where = self.private_key_env or self.private_key_path or "(nothing named)"
            raise SourceMissing(f"GitHub App {self.app_id}: no private key in {where}")
        return key


def _repository(remote: Remote) -> tuple[str, str]:
    parts = urlsplit(remote.url).path.strip("/").removesuffix(".git").split("/")
    if len(parts) < 2:
        raise SourceMissing(f"{remote.url}: a GitHub App needs a URL that ends in owner/name")
    return parts[-2], parts[-1]


def _seconds(text: object) -> float:
    """A time of GitHub's; the past if it says none, so that the token is used once."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
