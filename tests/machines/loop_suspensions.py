"""Count the suspensions of an event loop's tasks, and act at a chosen one. Knows no engine."""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


class Suspensions:
    """Sees the suspensions of all tasks that the loop starts from now on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.count = 0
        self._act: Callable[[], object] | None = None
        self._at = 0
        self._counting: Callable[[], bool] = _never
        loop.set_task_factory(self._task)

    @contextmanager
    def acting(
        self, act: Callable[[], object], *, at: int, counting: Callable[[], bool]
    ) -> Iterator[None]:
        """Call `act` at suspension `at`, from 0, of those that `counting` is true at."""
        self.count, self._at, self._act, self._counting = 0, at, act, counting
        try:
            yield
        finally:
            self._act, self._counting = None, _never

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        return asyncio.Task(self._counted(work), loop=loop, **options)

    async def _counted(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await self._stepped(work)

    @types.coroutine
    def _stepped(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        resume: Callable[[], Any] = partial(work.send, None)
        while True:
            try:
                pending = resume()
            except StopIteration as done:
                return done.value
            self._suspended()
            try:
                yield pending
                resume = partial(work.send, None)
            except BaseException as error:
                resume = partial(work.throw, error)

    def _suspended(self) -> None:
        if not self._counting():
            return
        act = self._act
        if act is not None and self.count == self._at:
            self._act = None
            act()
        self.count += 1


def _never() -> bool:
    return False
