"""LlamaIndex's ingestion pipeline with upserts and deletes, its node cache switched off.

The cache is on by default, and makes every action dearer.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import NodeParser
from llama_index.core.node_parser.node_utils import build_nodes_from_splits
from llama_index.core.schema import BaseNode, Document
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.vector_stores.postgres import PGVectorStore
from pydantic import PrivateAttr
from trial import Trial, chunks, paths, read

from benchmarks.slow_provider import AT_ONCE, DIMENSION, MAX_TEXTS


class Embedding(BaseEmbedding):
    _trial: Any = PrivateAttr()

    def __init__(self, trial: Trial) -> None:
        super().__init__(model_name="m", embed_batch_size=MAX_TEXTS, num_workers=AT_ONCE)
        self._trial = trial

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = (await self._trial.batch(texts)).tolist()
        return rows

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._aget_text_embeddings([query]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        raise NotImplementedError

    def _get_text_embedding(self, text: str) -> list[float]:
        raise NotImplementedError


class Chunker(NodeParser):
    def _parse_nodes(self, nodes: Sequence[BaseNode], **_: Any) -> list[BaseNode]:
        return [
            made
            for node in nodes
            for made in build_nodes_from_splits(chunks(node.get_content()), node)
        ]


async def main(trial: Trial) -> None:
    store = PGVectorStore.from_params(
        connection_string=trial.dsn.replace("postgresql://", "postgresql+psycopg2://"),
        async_connection_string=trial.dsn.replace("postgresql://", "postgresql+asyncpg://"),
        table_name="nodes",
        embed_dim=DIMENSION,
    )
    kept = trial.state / "docstore.json"
    pipeline = IngestionPipeline(
        transformations=[Chunker(), Embedding(trial)],
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
        vector_store=store,
        disable_cache=True,
    )
    async for _ in trial.turns():
        pipeline.docstore = pipeline.docstore or _documents(kept)
        documents = [
            Document(id_=entry.path, text=read(entry.path)) for entry in paths(str(trial.tree))
        ]
        await pipeline.arun(documents=documents)
        pipeline.docstore.persist(str(kept))


def _documents(kept: Path) -> SimpleDocumentStore:
    return (
        SimpleDocumentStore.from_persist_path(str(kept)) if kept.exists() else SimpleDocumentStore()
    )


if __name__ == "__main__":
    anyio.run(main, Trial.from_arguments())
