"""What the host of the app decides: which engine, who may come in, what callers may index."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from engine.engine import Engine
from engine.sources import CardRealm, Folder, GitRepository, OpenApiCatalog, Source
from engine.sources.git_credentials import Credentials
from engine.web.access import Authorize
from engine.web.problem import Problem
from engine.web.requests import Git, LocalFolder, OpenApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what callers can make a server do.

    `requests_per_minute` of one caller to one process, `searches_at_once` and `streams` of
    all callers of one process.
    """

    requests_per_minute: int = 600
    searches_at_once: int = 16
    streams: int = 64


@dataclass(frozen=True, slots=True)
class Host:
    """Made by `create_app`. `opened` gives the engine, which may be opened after the app."""

    opened: Callable[[], Engine]
    authorize: Authorize
    limits: Limits
    folders: tuple[Path, ...] = ()
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    webhook_secret: str = field(default="", repr=False)

    def source(self, wanted: Git | OpenApi | LocalFolder) -> Source:
        """The source that a caller asks for, out of what the host lets callers have."""
        match wanted:
            case Git():
                return GitRepository(
                    wanted.url,
                    wanted.branch,
                    self._credentials(wanted.credentials),
                    include=wanted.include,
                    exclude=wanted.exclude,
                )
            case OpenApi():
                return OpenApiCatalog(*map(_web_address, wanted.urls))
            case LocalFolder():
                kind = CardRealm if wanted.cards else Folder
                path = self._folder(wanted.path)
                return kind(path, include=wanted.include, exclude=wanted.exclude)

    def _credentials(self, name: str | None) -> Credentials | None:
        if name is None:
            return None
        if name not in self.credentials:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"credentials {name!r}: the host of this server has given none of this name",
            )
        return self.credentials[name]

    def _folder(self, path: str) -> Path:
        # Resolved, so that neither `..` nor a link leads out of what was opened.
        wanted = Path(path).resolve()
        if not any(wanted.is_relative_to(folder.resolve()) for folder in self.folders):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "the host of this server opened no folder to callers that this path is in",
            )
        return wanted


def _web_address(url: str) -> str:
    if not url.lower().startswith(("https://", "http://")):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{url!r}: has to be an http(s) address")
    return url
