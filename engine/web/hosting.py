"""What the host of the app decides: which engine, who may come in, what callers may index."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from engine.at_hand import checkouts_of
from engine.engine import Engine
from engine.sources import CardRealm, Folder, GitRepository, OpenApiCatalog, Source
from engine.sources.git_credentials import Credentials
from engine.sources.git_url import check_rules
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
    agents_may_write: bool = False

    def source(self, wanted: Git | OpenApi | LocalFolder) -> Source:
        """The source that a caller asks for, out of what the host lets callers have."""
        match wanted:
            case Git():
                repository = GitRepository(
                    wanted.url,
                    wanted.branch,
                    self._credentials(wanted.credentials),
                    include=wanted.include,
                    exclude=wanted.exclude,
                )
                self._check_remote(repository)
                return repository
            case OpenApi():
                return OpenApiCatalog(*wanted.urls)
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

    def _check_remote(self, repository: GitRepository) -> None:
        """The rules of this installation, which hold again where the job runs.

        A path of this machine is no remote, whatever its own users may index by it.
        """
        if repository.remote.transport == "file":
            raise Problem(HTTPStatus.FORBIDDEN, "callers index remote repositories only")
        check_rules(repository.remote, checkouts_of(self.opened().settings).rules)

    def _folder(self, path: str) -> Path:
        # Resolved, so that neither `..` nor a link leads out of what was opened.
        wanted = Path(path).resolve()
        if not any(wanted.is_relative_to(folder.resolve()) for folder in self.folders):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "the host of this server opened no folder to callers that this path is in",
            )
        return wanted
