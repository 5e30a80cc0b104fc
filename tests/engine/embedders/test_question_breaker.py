"""Nobody waits for long for the vector of a question, and those of a healed provider come back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from provider_dialects import Asked, Dialects, dialects
from starlette.responses import JSONResponse, Response

from engine.embedders.openai import OpenAIEmbedder
from engine.embedders.remote import CallLimits
from engine.embedding import Breaker
from engine.index.question import Questions

PATIENCE_SECONDS = 30.0
FAILURES = 3


async def hang(_: Asked) -> Response | None:
    await anyio.sleep_forever()
    return None


async def refuse(_: Asked) -> Response | None:
    return JSONResponse({"error": {"message": "no"}}, 400)


async def be_well(_: Asked) -> Response | None:
    return None


@dataclass
class Laboratory:
    """Questions to a real provider, by a clock of the test's own."""

    provider: Dialects
    questions: Questions
    now: float = 0.0

    async def has_vector(self) -> bool:
        vector, _ = await self.questions.vector("how are refunds made")
        assert (vector is None) is bool(self.questions.problem)
        return vector is not None

    async def fail(self, times: int) -> None:
        for _ in range(times):
            assert not await self.has_vector()


@asynccontextmanager
async def opened() -> AsyncIterator[Laboratory]:
    limits = CallLimits(question_seconds=0.2)
    async with dialects() as provider:
        url = f"{provider.url}/v1"
        async with OpenAIEmbedder(url, "m", key="", dimension=256, limits=limits) as embedder:
            breaker = Breaker(clock=lambda: laboratory.now, spread=lambda: 0.0)
            laboratory = Laboratory(provider, Questions(embedder, 1, breaker=breaker))
            with anyio.fail_after(PATIENCE_SECONDS):
                yield laboratory


async def test_a_provider_that_hangs_is_left_alone_and_asked_again() -> None:
    async with opened() as laboratory:
        assert await laboratory.has_vector()
        laboratory.provider.before = hang
        await laboratory.fail(FAILURES)
        asked = len(laboratory.provider.asked)

        await laboratory.fail(10)
        assert len(laboratory.provider.asked) == asked
        assert "no answer in 0.2 s" in laboratory.questions.problem
        assert "asked again in 5 s" in laboratory.questions.problem

        laboratory.provider.before = be_well
        await laboratory.fail(1)
        laboratory.now += 5
        assert await laboratory.has_vector()
        assert len(laboratory.provider.asked) == asked + 1


async def test_after_a_pause_one_question_asks_and_the_others_do_not_wait() -> None:
    async with opened() as laboratory:
        laboratory.provider.before = hang
        await laboratory.fail(FAILURES)
        laboratory.now += 5
        began = anyio.Event()

        async def hang_and_tell(asked: Asked) -> Response | None:
            began.set()
            return await hang(asked)

        laboratory.provider.before = hang_and_tell
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(laboratory.has_vector)
            await began.wait()
            await laboratory.fail(10)
            assert len(laboratory.provider.asked) == FAILURES + 1
        assert "asked again in" not in laboratory.questions.problem
        await laboratory.fail(1)
        assert "asked again in 10 s" in laboratory.questions.problem


async def test_who_gives_up_on_a_question_keeps_nobody_from_asking() -> None:
    async with opened() as laboratory:
        laboratory.provider.before = hang
        await laboratory.fail(FAILURES)
        laboratory.now += 5
        with anyio.move_on_after(0.05):
            await laboratory.has_vector()
        laboratory.provider.before = be_well
        assert await laboratory.has_vector()


async def test_a_provider_that_refuses_is_there() -> None:
    async with opened() as laboratory:
        laboratory.provider.before = refuse
        await laboratory.fail(2 * FAILURES)
        laboratory.provider.before = be_well
        assert await laboratory.has_vector()
