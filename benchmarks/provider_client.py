"""An embedder that asks the benchmark's provider over HTTP. Knows no retry."""

import base64
import json
from collections.abc import Sequence

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.slow_provider import AT_ONCE, DIMENSION


class ProviderClient:
    """Keeps its connections; what HTTP says is wrong is raised as it is."""

    fingerprint = "slow-provider/1"
    dimension = DIMENSION

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=2 * AT_ONCE, max_keepalive_connections=2 * AT_ONCE)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=None, trust_env=False, verify=False, limits=limits
        )

    async def __aenter__(self) -> "ProviderClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        order = {"model": "m", "input": list(texts), "encoding_format": "base64"}
        response = await self._client.post("/v1/embeddings", json=order)
        response.raise_for_status()
        rows = json.loads(response.content)["data"]
        numbers = b"".join(base64.b64decode(row["embedding"]) for row in rows)
        return np.frombuffer(numbers, dtype="<f4").reshape(len(rows), DIMENSION)
