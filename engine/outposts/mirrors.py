"""Repositories of a worker's own, where it does not see those that the passes read.

A pass reads a commit by its name, so that commit in another repository is the same files. What
comes with an errand says where to fetch it from and which secret to show, never the secret:
that is read from this process's environment.
"""

import logging
import time
from collections.abc import Container
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from engine.errors import ExecutorFailed
from engine.sources import Checkouts, GitRepository, Source, SourceError
from engine.sources.bringing import pinned
from engine.sources.checkout import holds, is_there
from engine.sources.git_tree import GitTree

log = logging.getLogger("widthwise.outposts")


@dataclass(slots=True, eq=False)
class Mirror:
    """A folder that has a commit. If it is ours, `held` keeps it from eviction."""

    folder: str
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    used_at: float = 0.0


class Mirrors:
    """Of the passes of this process. Each commit is looked for once, and fetched once by a host."""

    def __init__(self, checkouts: Checkouts) -> None:
        self._checkouts = checkouts
        self._mirrors: dict[tuple[str, str], Mirror] = {}
        self._looking = anyio.Lock()

    async def seen(self, source: Source) -> Source:
        """The source as this process can read it; `ExecutorFailed` where it can't be had."""
        if not isinstance(source, GitTree):
            return source
        mirror = self._known(source)
        if mirror is None:
            async with self._looking:
                mirror = self._known(source) or await self._found(source)
        mirror.used_at = time.monotonic()
        return source.at(mirror.folder)

    async def close_idle(self, *, but: Container[str], idle_seconds: float) -> None:
        """Let go of those that were not asked for so long, `but` for folders that are read."""
        for place, mirror in list(self._mirrors.items()):
            idle = time.monotonic() - mirror.used_at >= idle_seconds
            if idle and mirror.folder not in but:
                del self._mirrors[place]
                await mirror.held.aclose()

    def _known(self, source: GitTree) -> Mirror | None:
        """Who finds a repository damaged takes the sign away that it is one."""
        mirror = self._mirrors.get((source.folder, source.commit))
        return mirror if mirror and is_there(Path(mirror.folder)) else None

    async def _found(self, source: GitTree) -> Mirror:
        place = source.folder, source.commit
        if (damaged := self._mirrors.pop(place, None)) is not None:
            await damaged.held.aclose()
        try:
            self._mirrors[place] = await self._looked_for(source)
        except SourceError as error:
            raise ExecutorFailed(
                f"a worker of the cluster neither sees {source.folder} nor can fetch: {error}"
            ) from None
        return self._mirrors[place]

    async def _looked_for(self, source: GitTree) -> Mirror:
        # A folder of this name may be this host's own, which has another commit.
        if await holds(Path(source.folder), source.commit):
            return Mirror(source.folder)
        repository = GitRepository.from_description(source.describe())
        async with AsyncExitStack() as stack:
            folder = await stack.enter_async_context(
                pinned(repository, source.commit, self._checkouts, log.info)
            )
            return Mirror(str(folder), stack.pop_all())
