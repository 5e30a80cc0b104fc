"""Any steps of any processes, with any faults, leave the queue as it must be."""

import logging
from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from job_machine import JobMachine
from job_machine_laboratory import Laboratory

log = logging.getLogger(__name__)

usual = settings(
    deadline=None,
    max_examples=15,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def laboratory(portal: BlockingPortal, server_dsn: str) -> Iterator[Laboratory]:
    name = f"job_machine_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    dsn = server_dsn.replace("@/widthwise?", f"@/{name}?")
    with portal.wrap_async_context_manager(Laboratory.opened(dsn, portal)) as opened:
        yield opened
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_no_job_is_lost_or_run_twice_whatever_happens(laboratory: Laboratory) -> None:
    run_state_machine_as_test(lambda: JobMachine(laboratory), settings=usual)
    log.info("%s", dict(sorted(laboratory.tally.items())))


@pytest.mark.long
def test_no_job_of_thousands_is_lost_or_run_twice_whatever_happens(
    laboratory: Laboratory,
) -> None:
    long = settings(usual, max_examples=2_000, stateful_step_count=60)
    run_state_machine_as_test(lambda: JobMachine(laboratory), settings=long)
    log.warning("%s", dict(sorted(laboratory.tally.items())))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
