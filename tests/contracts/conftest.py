"""Lets these tests find the providers and samples of the engine's own tests, and a cluster."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.dask_cluster import Cluster, dask_cluster

ENGINE_TESTS = Path(__file__).parents[1] / "engine"
sys.path[:0] = [str(ENGINE_TESTS / part) for part in ("", "embedders", "executors", "languages")]

import visitors_for_clusters as visitors  # noqa: E402 - found where we have just said


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where visitors of `visitors_for_clusters` leave theirs."""
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="session")
def cluster(shared_dsn: str, notes: Path) -> Iterator[Cluster]:
    """Two workers that know `shared_dsn`."""
    pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    told = {"WIDTHWISE_DSN": shared_dsn, "WIDTHWISE_EMBEDDER": "hashed"}
    with dask_cluster(2, environment={**told, visitors.NOTES: str(notes)}) as cluster:
        yield cluster
