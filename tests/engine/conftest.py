"""An engine on a database of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from live_trees import OpenEngine

from engine import Engine, Settings


@pytest.fixture
def open_engine(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> OpenEngine:
    """Opens engines on the test's database: the hashed embedder, small pools."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Engine]:
        engine_options = {
            name: options.pop(name) for name in ("embedder", "visitor") if name in options
        }
        settings = Settings(
            home=tmp_path_factory.getbasetemp(),
            dsn=dsn,
            **{"embedder": "hashed", "worker_processes": 1} | options,
        )
        async with Engine.open(settings, **engine_options) as engine:
            yield engine

    return opened
