"""A loader whose loads end when the test says so."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from prewarm import Definition

PATIENCE_SECONDS = 30.0
"""What a test waits for takes no time; this only turns a standstill into a failure."""


@dataclass(eq=False)
class Attempt:
    key: str
    ended: anyio.Event = field(default_factory=anyio.Event)
    result: Definition | Exception | None = None

    def succeed(self, detail: str = "", *, dependencies: tuple[str, ...] = ()) -> None:
        self._end(Definition(self.key, detail=detail, dependencies=dependencies))

    def fail(self, error: Exception) -> None:
        self._end(error)

    def _end(self, result: Definition | Exception) -> None:
        self.result = result
        self.ended.set()


class ControlledLoads:
    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._begun = anyio.Event()

    async def load(self, key: str) -> Definition:
        attempt = Attempt(key)
        self.attempts.append(attempt)
        self._begun.set()
        self._begun = anyio.Event()
        await attempt.ended.wait()
        if isinstance(attempt.result, Definition):
            return attempt.result
        assert attempt.result is not None
        raise attempt.result

    async def begun(self, key: str, count: int = 1) -> Attempt:
        """The load of this number of a key, once it has begun."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while len(found := [each for each in self.attempts if each.key == key]) < count:
                await self._begun.wait()
        return found[count - 1]


class Calls:
    """Calls whose results are looked at later, in a group of the test's."""

    def __init__(self, group: anyio.abc.TaskGroup) -> None:
        self._group = group

    def start(self, call: Callable[[], Awaitable[Definition]]) -> "Call":
        started = Call()
        self._group.start_soon(started.run, call)
        return started


class Call:
    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._result: Definition | Exception | None = None

    async def run(self, call: Callable[[], Awaitable[Definition]]) -> None:
        with self.scope:
            try:
                self._result = await call()
            except Exception as error:
                self._result = error
        self._done.set()

    async def result(self) -> Definition:
        with anyio.fail_after(PATIENCE_SECONDS):
            await self._done.wait()
        if isinstance(self._result, Exception):
            raise self._result
        assert self._result is not None, "the call was cancelled"
        return self._result
