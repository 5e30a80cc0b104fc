"""An incremental pass over a realm of cards is exactly a fresh one."""

import logging
from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal
from card_sequences import card_sequences
from hypothesis import HealthCheck, given, settings
from incremental_laboratory import Laboratory
from tree_sequences import Sequence

from engine import CardRealm

log = logging.getLogger(__name__)

usual = settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def card_laboratory(
    portal: BlockingPortal, server_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    name = f"cards_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    dsn = server_dsn.replace("@/widthwise?", f"@/{name}?")
    folder = tmp_path_factory.mktemp("cards")
    opened = Laboratory.open(dsn, folder, source=CardRealm)
    with portal.wrap_async_context_manager(opened) as laboratory:
        yield laboratory
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@usual
@given(sequence=card_sequences())
def test_each_pass_over_cards_leaves_what_a_fresh_one_would(
    card_laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(card_laboratory.run, sequence)


@pytest.mark.long
@settings(usual, max_examples=1500)
@given(sequence=card_sequences())
def test_each_of_thousands_of_passes_over_cards_leaves_what_a_fresh_one_would(
    card_laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(card_laboratory.run, sequence)
    if card_laboratory.tally["sequences"] % 100 == 0:
        log.warning("%s", dict(sorted(card_laboratory.tally.items())))
