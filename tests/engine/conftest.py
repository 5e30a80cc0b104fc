"""An engine on a database of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from live_trees import OpenEngine

from engine import Engine, Isolation, Settings

PASSED_IN = ("embedder", "visitor", "work")


@pytest.fixture
def open_engine(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> OpenEngine:
    """Opens engines on the test's database: the hashed embedder, small pools.

    Jobs run in the test's process, and are tried once, so that no failure is mended unseen.
    """

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Engine]:
        passed = {name: options.pop(name) for name in PASSED_IN if name in options}
        usual = {
            "embedder": "hashed",
            "worker_processes": 1,
            "isolation": Isolation.INLINE,
            "max_attempts": 1,
        }
        settings = Settings(home=tmp_path_factory.getbasetemp(), dsn=dsn, **usual | options)
        async with Engine.open(settings, **passed) as engine:
            yield engine

    return opened
