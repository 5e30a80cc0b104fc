"""Any schedule of edits, calls and loads in two caches: nothing stale is ever served.

The model is the content itself. An edit changes a key's content and invalidates it. A load
sees the content of the moment when it begins, and ends much later. A call must return at
least the content of the moment when it was made, for its key and for all that its
definition was computed from.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from prewarm import (
    Definition,
    DefinitionCache,
    DefinitionError,
    InProcessCoalescer,
    MemoryDefinitions,
    Symbol,
)

READS = {"top": ("middle", "beside"), "middle": ("leaf",), "here": ("there",), "there": ("here",)}
KEYS = ("leaf", "middle", "top", "beside", "here", "there")
MAX_STEPS = 1000
"""Far more suspensions than any schedule here needs."""

ROUNDS = 60
"""More rounds of the event loop than any call takes from one wait for a load to the next."""


class Loads:
    """Loads of one cache: each waits to be let go before and after it reads others."""

    def __init__(self, machine: "CacheMachine") -> None:
        self.machine = machine
        self.cache: DefinitionCache

    async def load(self, key: str) -> Definition:
        seen = {key: self.machine.content[key]}
        await self.machine.let_go(key)
        for read in READS.get(key, ()):
            definition = await self.cache.get(read)
            seen |= {symbol.name: int(symbol.kind) for symbol in definition.symbols}
        await self.machine.let_go(key)
        symbols = tuple(Symbol(name, str(number), "") for name, number in sorted(seen.items()))
        return Definition(key, symbols, dependencies=READS.get(key, ()))


class CacheMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.content = dict.fromkeys(KEYS, 0)
        self.store, self.coalescer = MemoryDefinitions(), InProcessCoalescer()
        self.caches = [self._cache() for _ in range(2)]
        self.waiting: list[tuple[str, asyncio.Future[Exception | None]]] = []
        self.calls: list[asyncio.Task[None]] = []

    def _cache(self) -> DefinitionCache:
        loads = Loads(self)
        loads.cache = DefinitionCache(
            loads.load,
            store=self.store,
            coalescer=self.coalescer,
            max_entries=3,
            error_seconds=0.0,
        )
        return loads.cache

    async def let_go(self, key: str) -> None:
        future: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.waiting.append((key, future))
        if (error := await future) is not None:
            raise error

    async def checked_call(self, cache: DefinitionCache, key: str, *, synced: bool) -> None:
        floor = dict(self.content)
        try:
            found = (await cache.get_many([key], limit=2))[key] if synced else await cache.get(key)
        except DefinitionError:
            return
        if isinstance(found, Definition):
            seen = {symbol.name: int(symbol.kind) for symbol in found.symbols}
            assert all(seen[name] >= floor[name] for name in seen), (key, seen, floor)

    @rule(key=st.sampled_from(KEYS))
    def get(self, key: str) -> None:
        self._begin(self.checked_call(self.caches[0], key, synced=False))

    @rule(key=st.sampled_from(KEYS), number=st.integers(0, 1))
    def get_after_a_look_into_the_store(self, key: str, number: int) -> None:
        self._begin(self.checked_call(self.caches[number], key, synced=True))

    @rule(key=st.sampled_from(KEYS))
    def edit(self, key: str) -> None:
        self.content[key] += 1
        self._begin(self.caches[0].invalidate([key]), to_the_end=True)

    @rule()
    def edit_all(self) -> None:
        for key in KEYS:
            self.content[key] += 1
        self._begin(self.caches[0].invalidate_all(), to_the_end=True)

    @rule(key=st.sampled_from(KEYS))
    def invalidate_elsewhere(self, key: str) -> None:
        """Without a change: it may cost loads, and nothing else."""
        self._begin(self.caches[1].invalidate([key]), to_the_end=True)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), fails=st.sampled_from([False, False, False, True]))
    def let_a_load_go_on(self, data: st.DataObject, fails: bool) -> None:
        self._let_go(data.draw(st.integers(0, len(self.waiting) - 1)), fails=fails)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel_a_call(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.calls)).cancel()
        self._run_until_blocked()

    @invariant()
    def no_call_has_seen_anything_stale(self) -> None:
        ended = [call for call in self.calls if call.done()]
        self.calls = [call for call in self.calls if not call.done()]
        for call in ended:
            if not call.cancelled():
                call.result()

    def teardown(self) -> None:
        try:
            for _ in range(MAX_STEPS):
                if not self.waiting:
                    break
                self._let_go(0, fails=False)
            self.no_call_has_seen_anything_stale()
            assert self.calls == [], "some calls wait for ever"
            assert [cache.statistics().in_flight for cache in self.caches] == [0, 0]
            self._check_the_store()
        finally:
            self.runner.close()

    def _check_the_store(self) -> None:
        found = self.runner.run(self.store.fetch(KEYS))
        for record in found.records:
            assert isinstance(record.outcome, Definition)
            for symbol in record.outcome.symbols:
                assert int(symbol.kind) == self.content[symbol.name], record

    def _begin(self, call: Coroutine[Any, Any, None], *, to_the_end: bool = False) -> None:
        # A task that lives from one rule to the next can't be in a task group.
        task = self.runner.get_loop().create_task(call)
        self._run_until_blocked()
        self.calls.append(task)
        assert task.done() or not to_the_end, "an invalidation waits for a load"

    def _let_go(self, number: int, *, fails: bool) -> None:
        key, future = self.waiting.pop(number)
        if not future.done():
            future.set_result(ValueError(f"{key} is broken") if fails else None)
        self._run_until_blocked()

    def _run_until_blocked(self) -> None:
        self.runner.run(rounds_of_the_loop())


async def rounds_of_the_loop() -> None:
    # anyio.wait_all_tasks_blocked pauses for 0.1 s whenever a task is still running.
    for _ in range(ROUNDS):
        await anyio.lowlevel.checkpoint()


CacheMachine.TestCase.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)
TestCacheMachine = CacheMachine.TestCase
