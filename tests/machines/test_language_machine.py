"""An incremental pass is exactly a fresh one in every language that has references."""

import logging
from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from incremental_laboratory import Laboratory
from language_contents import CONTENTS
from tree_sequences import Sequence, sequences_of

log = logging.getLogger(__name__)

usual = settings(
    deadline=None,
    max_examples=2,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
languages = pytest.mark.parametrize("language", sorted(CONTENTS))


@pytest.fixture(scope="module")
def language_laboratory(
    portal: BlockingPortal, server_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    name = f"languages_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    dsn = server_dsn.replace("@/widthwise?", f"@/{name}?")
    opened = Laboratory.open(dsn, tmp_path_factory.mktemp("languages"))
    with portal.wrap_async_context_manager(opened) as laboratory:
        yield laboratory
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@languages
@usual
@given(data=st.data())
def test_each_pass_over_a_language_leaves_what_a_fresh_one_would(
    language_laboratory: Laboratory, portal: BlockingPortal, language: str, data: st.DataObject
) -> None:
    portal.call(language_laboratory.run, drawn(data, language))


@pytest.mark.long
@languages
@settings(usual, max_examples=400)
@given(data=st.data())
def test_each_of_hundreds_of_passes_over_a_language_leaves_what_a_fresh_one_would(
    language_laboratory: Laboratory, portal: BlockingPortal, language: str, data: st.DataObject
) -> None:
    portal.call(language_laboratory.run, drawn(data, language))
    if language_laboratory.tally["sequences"] % 100 == 0:
        log.warning("%s", dict(sorted(language_laboratory.tally.items())))


def drawn(data: st.DataObject, language: str) -> Sequence:
    return data.draw(sequences_of(CONTENTS[language].keys))
