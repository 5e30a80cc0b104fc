"""Who we are to a git server. What is stored of it names a secret and never holds one."""

import base64
import inspect
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.settings import secret
from engine.sources.errors import SourceMissing
from engine.sources.git_url import USUAL_RULES, Remote, UrlRules
from engine.sources.keys import shown

# What servers of GitHub, GitLab and Gitea take beside a token; none looks at it.
USER = "x-access-token"

# A token longer than any is a file given by mistake; other characters would end the header.
_TOKEN = re.compile(r"[!-~]{1,4096}")

# Where ssh reads a path it splits at blanks and expands %, ~ and $.
_SSH_PATH = re.compile(r"/[A-Za-z0-9/._@+=,-]{1,1000}")


class Credentials(Protocol):
    """`describe` is stored; `token` is asked for when a job runs, before each command.

    What has to be asked for it obeys `rules`, as the remote itself does.
    """

    async def token(self, remote: Remote, rules: UrlRules = ...) -> str: ...

    def describe(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class TokenFromEnvironment:
    """The token in the variable of this name, in whichever process runs the job."""

    name: str

    async def token(self, remote: Remote, rules: UrlRules = USUAL_RULES) -> str:
        found = secret(self.name)
        if not found:
            raise SourceMissing(
                f"{remote.url}: the environment variable {self.name} is not set where the job "
                "runs; set it to a token that may read the repository"
            )
        return found

    def describe(self) -> dict[str, str]:
        return {"credentials": "environment", "token_env": self.name}


@dataclass(frozen=True, slots=True)
class TokenFromCall:
    """The token that a function of this process returns; no other process can run the job."""

    call: Callable[[], str | Awaitable[str]] = field(repr=False)

    async def token(self, remote: Remote, rules: UrlRules = USUAL_RULES) -> str:
        found = self.call()
        return await found if inspect.isawaitable(found) else found

    def describe(self) -> dict[str, str]:
        return {"credentials": "call"}


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key and a file of known hosts, where the job runs; neither is read here.

    The key has no passphrase, or ssh can't use it: nobody is asked.
    """

    path: str
    known_hosts: str = field(kw_only=True)

    def __post_init__(self) -> None:
        for path in (self.path, self.known_hosts):
            if not _SSH_PATH.fullmatch(path):
                raise SourceMissing(
                    f"{shown(path)[:200]}: ssh takes a whole path, of letters, digits and "
                    "/ . _ @ + = , -"
                )

    def describe(self) -> dict[str, str]:
        return {
            "credentials": "ssh-key",
            "ssh_key_path": self.path,
            "ssh_known_hosts": self.known_hosts,
        }


def open_credentials(description: Mapping[str, str]) -> Credentials | SshKey | None:
    """The inverse of `describe`, for those that another process can have."""
    match description.get("credentials"):
        case None:
            return None
        case "environment":
            return TokenFromEnvironment(description["token_env"])
        case "ssh-key":
            hosts = description["ssh_known_hosts"]
            return SshKey(description["ssh_key_path"], known_hosts=hosts)
        case "github-app":
            # With it come HTTP and cryptography, for those who need them.
            from engine.sources.github_app import GitHubApp  # noqa: PLC0415

            return GitHubApp.from_description(description)
        case kind:
            raise SourceMissing(f"credentials of the kind {kind!r} can't be opened here")


def ssh_key_for(credentials: Credentials | SshKey | None, remote: Remote) -> SshKey | None:
    """The key that shows who we are, if there is one."""
    if not isinstance(credentials, SshKey):
        return None
    if remote.transport != "ssh":
        raise SourceMissing(f"{remote.url}: a key is for ssh; use a token, or the URL for ssh")
    for path in (credentials.path, credentials.known_hosts):
        if not os.path.isfile(path):
            raise SourceMissing(f"{remote.url}: there is no file {path} where the job runs")
    return credentials


async def header_for(
    credentials: Credentials | SshKey | None, remote: Remote, rules: UrlRules = USUAL_RULES
) -> str:
    """The HTTP header that shows who we are, or nothing."""
    if credentials is None or isinstance(credentials, SshKey):
        return ""
    if remote.transport not in ("https", "http"):
        raise SourceMissing(f"{remote.url}: a token is for https; ssh has keys of its own")
    if remote.transport == "http" and not remote.is_loopback:
        raise SourceMissing(f"{remote.url}: a token is not sent over http; use https")
    token = await credentials.token(remote, rules)
    if not _TOKEN.fullmatch(token):
        raise SourceMissing(
            f"{remote.url}: what the credentials hold is no token (empty, too long, or with "
            "spaces or line ends in it)"
        )
    pair = base64.b64encode(f"{USER}:{token}".encode()).decode()
    return f"Authorization: Basic {pair}"


def without_secrets(text: str, header: str) -> str:
    """What git said, should it ever repeat what it was told."""
    if not header:
        return text
    pair = header.rpartition(" ")[2]
    token = base64.b64decode(pair).decode().partition(":")[2]
    return text.replace(pair, "***").replace(token, "***")
