"""Visits the files of a plan on other hosts, in batches of what is ready. Knows no cluster.

Order is decided here: what travels together is ready, and a file is done when its rows are
committed. So many errands are under way as visits may run at once, since an outpost visits the
files of one errand one after the other.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread

from engine.analyse import AnalyseRequest, analyse
from engine.errors import WorkerDied
from engine.executors import Executor
from engine.executors.executor import Item, Result
from engine.outposts.briefing import Briefing, Errand, Terms, Visited
from engine.outposts.outpost import analyse_away, visit_away
from resolver import Plan

log = logging.getLogger("widthwise.outposts")

FILES_AT_ONCE: Final = 64


class ParsedAway:
    """An executor whose files are parsed by outposts, which keep the texts."""

    def __init__(self, executor: Executor, terms: Terms) -> None:
        self._executor = executor
        self._terms = terms

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result:
        if isinstance(item, AnalyseRequest):
            assert function is analyse
            analysed: Any = await self._executor.run(analyse_away, (self._terms, item))
            return analysed  # type: ignore[no-any-return]
        return await self._executor.run(function, item)


async def visit_all_away(
    plan: Plan,
    executor: Executor,
    briefing: Briefing,
    *,
    limit: int,
    visited: Callable[[Visited], None],
    failed: Callable[[str, str], Awaitable[None]],
) -> None:
    """Visit every file of the plan, at most `limit` at once.

    `visited` is told of what was written, `failed` of a file whose visit killed its workers.
    A file that could not be read or parsed is left to `failed` as well, with an empty reason.
    """
    visiting = _Visiting(plan, executor, briefing, limit, visited, failed)
    async with anyio.create_task_group() as tasks:
        for _ in range(limit):
            tasks.start_soon(visiting.run)


class _Visiting:
    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        briefing: Briefing,
        limit: int,
        visited: Callable[[Visited], None],
        failed: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._plan = plan
        self._executor = executor
        self._briefing = briefing
        self._packed = b""
        self._limit = limit
        self._visited = visited
        self._failed = failed
        self._moved = anyio.Event()

    async def run(self) -> None:
        while not self._plan.is_done:
            keys = self._take()
            if not keys:
                await self._moved.wait()
                continue
            await self._visit(keys)
            for key in keys:
                self._plan.done(key)
            self._moved.set()
            self._moved = anyio.Event()

    def _take(self) -> Sequence[str]:
        """A fair share of what is ready, the most urgent first."""
        return self._plan.ready(min(FILES_AT_ONCE, -(-self._plan.ready_count // self._limit)))

    async def _visit(self, keys: Sequence[str]) -> None:
        broken = {key for key in keys if self._briefing.facts[key].error is not None}
        for key in sorted(broken):
            await self._failed(key, "")
        if whole := [key for key in keys if key not in broken]:
            await self._send(whole)

    async def _send(self, keys: Sequence[str]) -> None:
        """Of several files that took their workers along, each is tried alone."""
        try:
            self._visited(await self._answer(tuple(keys)))
        except WorkerDied as death:
            if len(keys) == 1:
                await self._failed(keys[0], f"{type(death).__name__}: {death}")
                return
            log.warning("visiting %d files one by one: %s", len(keys), death)
            for key in keys:
                await self._send([key])

    async def _answer(self, keys: tuple[str, ...]) -> Visited:
        """The errand is told without a briefing first, which all but a new outpost have."""
        token = self._briefing.terms.token
        answer = await self._executor.run(visit_away, Errand(token, keys))
        while answer is None:
            self._packed = self._packed or await anyio.to_thread.run_sync(self._briefing.packed)
            answer = await self._executor.run(visit_away, Errand(token, keys, self._packed))
        return answer
