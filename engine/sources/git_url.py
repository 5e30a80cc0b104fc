"""Which git remotes may be asked for anything. Pure: the caller looks names up."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from engine.sources.addresses import is_public
from engine.sources.errors import SourceMissing
from engine.sources.keys import is_showable, shown

TRANSPORTS = ("https", "http", "ssh", "file")
DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22, "file": 0}
ASK_FOR = {
    "http": "use https, or add http to WIDTHWISE_GIT_TRANSPORTS",
    "ssh": "use https with a token, or add ssh to WIDTHWISE_GIT_TRANSPORTS",
    "file": "index the folder itself, or add file to WIDTHWISE_GIT_TRANSPORTS",
}

_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:]+):(?P<path>(?!//).+)")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]")
_PLAIN = re.compile(r"[!$%&'()*+,./0-9:;=@A-Z_a-z~\[\]-]+")
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$|^[-/.]|^@$")


class SourceRefused(SourceMissing):
    """The rules of this installation forbid to ask the remote."""


@dataclass(frozen=True, slots=True)
class UrlRules:
    """`hosts`, if any, are all that may be asked: `host`, `host:port` or `*.domain`.

    Without a port an entry speaks of the transport's own. With `public_only`, for servers
    whose users name the URLs, an address of a private network is refused.
    """

    transports: tuple[str, ...] = ("https",)
    hosts: tuple[str, ...] = ()
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """A URL that is well formed, and its parts; `host` is empty for a path."""

    url: str
    transport: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        if self.host in ("localhost", "ip6-localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def is_remote(text: str) -> bool:
    """Whether somebody who writes this means a remote and not a path."""
    return "://" in text or "::" in text or bool(re.match(r"[^/@:]+@[^/:]+:", text))


def parse_remote(url: str) -> Remote:
    """The remote in one spelling; `SourceRefused` with advice, which never quotes a secret."""
    if not url or url.startswith("-") or not is_showable(url) or not _PLAIN.fullmatch(url):
        raise SourceRefused(f"{_without_secrets(url)}: not a git URL (write others as %XX)")
    if re.match(r"[A-Za-z0-9+.-]+::", url):
        name = url.partition("::")[0]
        raise SourceRefused(f"{name}::...: transports that run programs are refused")
    if "://" not in url:
        return _scp_like(url)
    parts = _split(url)
    transport = parts.scheme.lower()
    if transport not in TRANSPORTS:
        raise SourceRefused(f"{transport}://...: none of {', '.join(TRANSPORTS)}")
    _refuse_userinfo(parts, transport)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    if transport == "file":
        if host:
            raise SourceRefused("file://...: names a host; write file:///path")
        return Remote(url, transport, "", 0)
    if not _HOST.fullmatch(host) or not parts.path.strip("/"):
        raise SourceRefused(f"{transport}://...: names no host or no repository")
    port = parts.port or DEFAULT_PORTS[transport]
    at = host if port == DEFAULT_PORTS[transport] else f"{host}:{port}"
    user = "git@" if transport == "ssh" and parts.username else ""
    plain = urlunsplit((transport, user + at, parts.path.rstrip("/"), "", ""))
    return Remote(plain, transport, host, port)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SourceRefused(f"{_without_secrets(url)}: not a URL") from None
    if parts.port == 0:
        raise SourceRefused(f"{_without_secrets(url)}: nothing listens on port 0")
    return parts


def _refuse_userinfo(parts: SplitResult, transport: str) -> None:
    is_git_user = transport == "ssh" and parts.username == "git" and parts.password is None
    if "@" in parts.netloc and not is_git_user:
        raise SourceRefused(
            f"{transport}://...@{parts.hostname}{parts.path}: a URL is stored and shown, so it "
            "may hold no user or password; put the token into an environment variable and name that"
        )


def _scp_like(url: str) -> Remote:
    found = _SCP.fullmatch(url)
    if found is None or url.startswith(("/", ".")):
        return Remote(url, "file", "", 0)
    host = found["host"].lower()
    if found["user"] not in (None, "git") or not _HOST.fullmatch(host) or found["path"][0] == "-":
        raise SourceRefused(f"{host}:...: only git@host:path is understood")
    return Remote(f"ssh://git@{host}/{found['path'].strip('/')}", "ssh", host, 22)


def _without_secrets(url: str) -> str:
    """A URL that can't be read, as far as it can be shown."""
    scheme, separator, rest = url.partition("://")
    return shown(f"{scheme}://...{rest.rpartition('@')[2]}" if separator else url)[:200]


def check_rules(remote: Remote, rules: UrlRules) -> None:
    """Raises `SourceRefused` if the remote may not be asked, as far as its URL tells."""
    if remote.transport not in rules.transports and not (
        remote.transport == "http" and remote.is_loopback
    ):
        raise SourceRefused(
            f"{remote.url}: {remote.transport} is not allowed here; {ASK_FOR[remote.transport]}"
        )
    if rules.hosts and not any(_fits(remote, entry) for entry in rules.hosts):
        raise SourceRefused(
            f"{remote.url}: not among the hosts of WIDTHWISE_GIT_HOSTS ({', '.join(rules.hosts)})"
        )
    if rules.public_only and remote.transport == "file":
        raise SourceRefused(f"{remote.url}: a path of this machine, where only public hosts may be")


def _fits(remote: Remote, entry: str) -> bool:
    name, _, port = entry.strip().lower().rpartition(":")
    if not name or not port.isdigit():
        name, port = entry.strip().lower(), str(DEFAULT_PORTS[remote.transport])
    if str(remote.port) != port:
        return False
    host = remote.host.rstrip(".")
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def check_addresses(remote: Remote, addresses: Iterable[str]) -> None:
    """Refuse a host if any of its addresses is not one of the public internet.

    All of them count: whoever connects later may choose another one than we would.
    """
    for address in addresses:
        if not is_public(address):
            raise SourceRefused(
                f"{remote.url}: {address} is an address of a private network, which this "
                "server does not ask (WIDTHWISE_PUBLIC_ONLY)"
            )


def check_branch(branch: str) -> None:
    """Raises `SourceRefused` for what `git check-ref-format --branch` would not take."""
    if not branch or _BAD_BRANCH.search(branch) or not is_showable(branch) or len(branch) > 250:
        raise SourceRefused(f"{shown(branch)[:260]!r}: not the name of a branch")
