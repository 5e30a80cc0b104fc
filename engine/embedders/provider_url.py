"""The address of a provider: what is asked, what may be shown of it, and who we say we are."""

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.errors import BadSetting

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, repr=False)
class ProviderUrl:
    """A base URL in its parts. What it holds of user, password and query is in no text of it."""

    shown: str
    query: str
    basic: str
    is_loopback: bool
    is_https: bool

    @classmethod
    def parsed(cls, text: str) -> "ProviderUrl":
        """Raises `BadSetting` for what is no address of http or https, and does not repeat it."""
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or parts.scheme not in ("http", "https") or not text.isprintable():
            raise BadSetting(
                "WIDTHWISE_EMBED_URL: not an address; it begins with http:// or https://"
            )
        place = f"[{host}]" if ":" in host else host
        place += f":{port}" if port else ""
        shown = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        basic = _basic(parts.username, parts.password)
        return cls(shown, parts.query, basic, host in _LOOPBACK, parts.scheme == "https")

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"ProviderUrl({self.shown!r})"

    def at(self, path: str) -> str:
        """The full address of something below it."""
        return f"{self.shown}{path}" + (f"?{self.query}" if self.query else "")

    def authorization(self, key: str) -> dict[str, str]:
        """The header that shows who we are: the key, or else what stands in the address."""
        if key:
            return {"Authorization": f"Bearer {key}"}
        return {"Authorization": f"Basic {self.basic}"} if self.basic else {}


def clean_key(key: str) -> str:
    """The key without blanks around it; `BadSetting` if no header can carry it."""
    key = key.strip()
    if not all("!" <= each <= "~" for each in key):
        raise BadSetting("WIDTHWISE_EMBED_KEY: holds blanks or signs that are in no key")
    return key


def _basic(username: str | None, password: str | None) -> str:
    if not username and not password:
        return ""
    pair = f"{unquote(username or '')}:{unquote(password or '')}"
    return base64.b64encode(pair.encode()).decode()
