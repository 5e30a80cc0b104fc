"""A cluster to copy, for tests that kill, break or move theirs."""

from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from engine.index.embedded import embedded_postgres


@pytest.fixture(scope="session")
def stopped_home(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("stopped-home")
    with portal.wrap_async_context_manager(embedded_postgres(home)):
        pass
    return home
