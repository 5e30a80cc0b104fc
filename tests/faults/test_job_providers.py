"""What a provider answers with decides whether a job is tried again, when, and at whose charge."""

from itertools import pairwise
from pathlib import Path

import anyio
from embedding_provider import Call, Refusal, embedding_provider
from job_checks import (
    Connection,
    asked,
    assert_right,
    ended,
    engine_at,
    finished,
    in_state,
    outcomes,
)

from engine import Attempt, FailureKind


def pauses(attempts: list[Attempt]) -> list[float]:
    return [
        (later.started_at - earlier.finished_at).total_seconds()
        for earlier, later in pairwise(attempts)
    ]


class Refusing:
    """Answers the first `times` calls with a status."""

    def __init__(self, status: int, *, times: int, headers: dict[str, str] | None = None) -> None:
        self._refusal = Refusal(status, headers)
        self._times = times

    async def __call__(self, call: Call) -> None:
        if call.number <= self._times:
            raise self._refusal


async def test_after_errors_of_the_server_the_job_waits_longer_each_time_and_then_succeeds(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as provider,
        engine_at(dsn, tmp_path, provider=provider.url, backoff_seconds=0.4) as engine,
    ):
        provider.on_call = Refusing(500, times=2)
        job = await asked(engine, root)
        await in_state(job, "running")
        await in_state(job, "pending")
        assert "500" in (job.error or "")
        assert job.row.is_retrying
        await finished(job)
        attempts = await job.attempts()
        assert outcomes(attempts) == ["retry", "retry", "succeeded"]
        assert (job.row.attempt, job.error) == (3, None)
        first, second = pauses(attempts)
        assert first >= 0.4
        assert second >= 0.8
    await assert_right(dsn, connection, root, provider=provider.url)


async def test_a_request_that_the_provider_calls_wrong_fails_its_job_at_once(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as provider,
        engine_at(dsn, tmp_path, provider=provider.url) as engine,
    ):
        provider.on_call = Refusing(400, times=1)
        job = await ended(await asked(engine, root))
        assert (job.state, job.error_kind) == ("failed", FailureKind.PERMANENT)
        assert "400" in (job.error or "")
        assert outcomes(await job.attempts()) == ["failed"]


async def test_a_provider_that_asks_for_a_pause_gets_it_and_no_attempt_is_charged(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    """Longer than a pass would wait, so that its worker is free meanwhile."""
    async with (
        embedding_provider() as provider,
        engine_at(
            dsn, tmp_path, provider=provider.url, max_attempts=1, embed_pause_seconds=0.5
        ) as engine,
    ):
        provider.on_call = Refusing(429, times=1, headers={"Retry-After": "1"})
        job = await asked(engine, root)
        await finished(job)
        attempts = await job.attempts()
        assert outcomes(attempts) == ["throttled", "succeeded"]
        assert job.row.attempt == 1
        assert 1.0 <= pauses(attempts)[0] < 10.0
    await assert_right(dsn, connection, root, provider=provider.url)


async def test_a_short_pause_that_a_provider_asks_for_is_waited_for_by_the_pass(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    calls_at: list[float] = []
    refusing = Refusing(429, times=2, headers={"Retry-After": "1"})

    async def on_call(call: Call) -> None:
        calls_at.append(anyio.current_time())
        await refusing(call)

    async with (
        embedding_provider() as provider,
        engine_at(dsn, tmp_path, provider=provider.url, max_attempts=1) as engine,
    ):
        provider.on_call = on_call
        job = await asked(engine, root)
        await finished(job)
        assert outcomes(await job.attempts()) == ["succeeded"]
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(calls_at[:3]))
    await assert_right(dsn, connection, root, provider=provider.url)


async def test_an_outage_snoozes_the_job_and_costs_no_more_attempts(
    dsn: str, connection: Connection, root: Path, tmp_path: Path
) -> None:
    async with (
        embedding_provider() as provider,
        engine_at(dsn, tmp_path, provider=provider.url, backoff_seconds=0.1) as engine,
    ):
        provider.on_call = Refusing(500, times=6)
        job = await asked(engine, root)
        await finished(job)
        attempts = await job.attempts()
        ended = outcomes(attempts)
        assert ended[:3] == ["retry", "retry", "throttled"]
        assert {*ended[2:-1]} == {"throttled"}
        assert ended[-1] == "succeeded"
        assert "taken for down" in (attempts[2].error or "")
        assert "500" in (attempts[2].error or "")
        assert job.row.attempt == 3
    await assert_right(dsn, connection, root, provider=provider.url)
