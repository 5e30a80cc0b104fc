"""An ingestion pipeline into Postgres, as its documentation shows it. Run by the benchmark."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from asking import Asking
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode
from llama_index.vector_stores.postgres import PGVectorStore
from pydantic import PrivateAttr


class Provider(BaseEmbedding):
    _asking: Any = PrivateAttr()

    def __init__(self, url: str) -> None:
        super().__init__(model_name="m", embed_batch_size=32, num_workers=8)
        self._asking = Asking(url)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._asking.batch(texts)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._asking.batch([query]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        raise NotImplementedError

    def _get_text_embedding(self, text: str) -> list[float]:
        raise NotImplementedError


async def main(dsn: str, url: str, texts: list[str]) -> float:
    store = PGVectorStore.from_params(
        connection_string=dsn.replace("postgresql://", "postgresql+psycopg2://"),
        async_connection_string=dsn.replace("postgresql://", "postgresql+asyncpg://"),
        table_name="nodes",
        embed_dim=256,
    )
    nodes = [TextNode(id_=str(number), text=text) for number, text in enumerate(texts)]
    pipeline = IngestionPipeline(
        transformations=[Provider(url)], vector_store=store, disable_cache=True
    )
    began = time.perf_counter()
    await pipeline.arun(nodes=nodes)
    return time.perf_counter() - began


if __name__ == "__main__":
    where, provider, path = sys.argv[1:]
    seconds = asyncio.run(main(where, provider, json.loads(Path(path).read_text())))
    print(json.dumps({"seconds": seconds}))
