"""A branch of a remote git repository as a source of files."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from engine.sources.checkouts import Checkouts
from engine.sources.errors import SourceError
from engine.sources.git_url import check_branch, check_rules, parse_remote
from engine.sources.source import Snapshot, unmoved

if TYPE_CHECKING:
    from engine.sources.git_credentials import Credentials
    from engine.sources.git_tree import GitTree


class GitRepository:
    """The files of a branch, or of the default one, at the commit where a pass finds it.

    Each pass fetches, unless `fetch` is false: then only a checkout that is not there is
    cloned. `include` and `exclude` are as for a `Folder`. What is stored of `credentials`
    names a secret; those that a function returns work in this process only.

    A URL is checked when it is given, and by the rules of the place where the job runs.
    """

    def __init__(
        self,
        url: str,
        branch: str | None = None,
        credentials: "Credentials | None" = None,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        fetch: bool = True,
        checkouts: Checkouts | None = None,
    ) -> None:
        self.remote = parse_remote(url)
        if branch is not None:
            check_branch(branch)
        self.branch = branch
        self.credentials = credentials
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self.fetch = fetch
        self.checkouts = checkouts
        self._tree: GitTree | None = None

    def __repr__(self) -> str:
        return f"GitRepository({self.remote.url!r}, branch={self.branch!r})"

    def describe(self) -> dict[str, str]:
        described = self.credentials.describe() if self.credentials else {}
        # Another process can't call our function, so it must not take the job.
        kind = "git-here" if described.get("credentials") == "call" else "git"
        return {
            "kind": kind,
            "url": self.remote.url,
            "include": "\n".join(self.include),
            "exclude": "\n".join(self.exclude),
            **({"branch": self.branch} if self.branch is not None else {}),
            **({} if self.fetch else {"fetch": "no"}),
            **described,
        }

    @classmethod
    def from_description(
        cls, description: Mapping[str, str], *, checkouts: Checkouts | None = None
    ) -> "GitRepository":
        from engine.sources.git_credentials import open_credentials  # noqa: PLC0415 - for jobs

        return cls(
            description["url"],
            description.get("branch"),
            open_credentials(description),
            include=description.get("include", "").splitlines(),
            exclude=description.get("exclude", "").splitlines(),
            fetch=description.get("fetch") != "no",
            checkouts=checkouts,
        )

    @asynccontextmanager
    async def brought(
        self,
        checkouts: Checkouts,
        report: Callable[[str], None],
        *,
        moved: Callable[[int, int], None] = unmoved,
    ) -> "AsyncIterator[GitTree]":
        """The commit that the branch is at now, on this disk for the length of the block.

        `report` is told how it goes, in lines for people, `moved` the steps of a transfer,
        done and known of. Cancelled, git is killed and nothing half is left. Raises
        `SourceMissing` where trying again is of no use, and `SourceError` where it may be.
        """
        # With it come subprocesses and locks, which those who only name a source don't need.
        from engine.sources.bringing import brought  # noqa: PLC0415

        check_rules(self.remote, checkouts.rules)
        async with brought(self, checkouts, report, moved=moved) as tree:
            yield tree

    def snapshot(self) -> Snapshot:
        """Bring it, without a pass around it: nothing then keeps the checkout from eviction."""
        self._tree = anyio.run(self._brought_once)
        return self._tree.snapshot()

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if self._tree is None:
            self.snapshot()
        assert self._tree is not None
        return self._tree.read(key, max_bytes=max_bytes)

    async def _brought_once(self) -> "GitTree":
        if self.checkouts is None:
            raise SourceError(f"{self.remote.url}: no place was named for its checkout")
        async with self.brought(self.checkouts, lambda _: None) as tree:
            return tree
