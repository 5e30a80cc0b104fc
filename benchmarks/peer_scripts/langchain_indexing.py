"""The indexing API with a record manager in memory, into PGVectorStore. Run by the benchmark."""

import asyncio
import json
import sys
import time
from pathlib import Path

from asking import AT_ONCE, MAX_TEXTS, Asking
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import InMemoryRecordManager, aindex
from langchain_postgres import PGEngine, PGVectorStore


class Provider(Embeddings):
    def __init__(self, url: str) -> None:
        self._asking = Asking(url)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self._asking.many(texts)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError


async def main(dsn: str, url: str, texts: list[str]) -> float:
    engine = PGEngine.from_connection_string(dsn.replace("postgresql://", "postgresql+psycopg://"))
    await engine.ainit_vectorstore_table("chunks", 256)
    store = await PGVectorStore.create(engine, Provider(url), "chunks")
    records = InMemoryRecordManager("bench")
    documents = [Document(text, metadata={"source": str(at)}) for at, text in enumerate(texts)]
    began = time.perf_counter()
    await aindex(
        documents,
        records,
        store,
        cleanup=None,
        batch_size=AT_ONCE * MAX_TEXTS,
        key_encoder="blake2b",
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    where, provider, path = sys.argv[1:]
    seconds = asyncio.run(main(where, provider, json.loads(Path(path).read_text())))
    print(json.dumps({"seconds": seconds}))
