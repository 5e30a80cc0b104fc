"""Cancel a piece of work at a chosen one of its suspensions."""

import types
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def cancelled_at(step: int, work: Callable[[], Awaitable[T]]) -> T | None:
    """Nothing if the work was cancelled at suspension `step`, its result if it ended before."""
    with anyio.CancelScope() as scope:
        return await _counted(work(), scope, step)
    return None


@types.coroutine
def _counted(work: Awaitable[T], scope: anyio.CancelScope, step: int) -> Generator[Any, Any, T]:
    inner = work.__await__()
    resume: Callable[[], Any] = partial(next, inner)
    while True:
        try:
            pending = resume()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        if step == 0:
            scope.cancel()
        step -= 1
        try:
            yield pending
            resume = partial(next, inner)
        except BaseException as error:
            resume = partial(inner.throw, error)  # type: ignore[attr-defined]
