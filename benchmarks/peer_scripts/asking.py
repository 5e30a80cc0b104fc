"""How both peers ask the benchmark's provider: 32 texts a call, again when it fails."""

import asyncio
import base64

import httpx
import numpy as np

MAX_TEXTS = 32
AT_ONCE = 8
PAUSE_SECONDS = 0.02


class Asking:
    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=None, trust_env=False, verify=False, limits=limits
        )

    async def batch(self, texts: list[str]) -> list[list[float]]:
        order = {"model": "m", "input": texts, "encoding_format": "base64"}
        while True:
            response = await self._client.post("/v1/embeddings", json=order)
            if response.status_code == 200:
                rows = response.json()["data"]
                return [
                    np.frombuffer(base64.b64decode(row["embedding"]), "<f4").tolist()
                    for row in rows
                ]
            await asyncio.sleep(PAUSE_SECONDS)

    async def many(self, texts: list[str]) -> list[list[float]]:
        """Full batches, eight at once."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(at: int) -> list[list[float]]:
            async with places:
                return await self.batch(texts[at : at + MAX_TEXTS])

        found = await asyncio.gather(*map(one, range(0, len(texts), MAX_TEXTS)))
        return [row for rows in found for row in rows]
