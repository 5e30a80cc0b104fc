"""LangChain's indexing API with full clean-up and its SQL record manager, into PGVectorStore."""

import anyio
from langchain_classic.indexes import SQLRecordManager
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import aindex
from langchain_postgres import PGEngine, PGVectorStore
from trial import Trial, chunks, paths, read

from benchmarks.slow_provider import AT_ONCE, DIMENSION, MAX_TEXTS


class TrialEmbeddings(Embeddings):
    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = (await self._trial.many(texts)).tolist()
        return rows

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError


async def main(trial: Trial) -> None:
    url = trial.dsn.replace("postgresql://", "postgresql+psycopg://")
    engine = PGEngine.from_connection_string(url)
    records = SQLRecordManager("trial", db_url=url, async_mode=True)
    made = trial.state / "made"
    if not made.exists():
        await engine.ainit_vectorstore_table("chunks", DIMENSION)
        await records.acreate_schema()
        made.touch()
    store = await PGVectorStore.create(engine, TrialEmbeddings(trial), "chunks")
    async for _ in trial.turns():
        documents = [
            Document(text, metadata={"source": entry.path})
            for entry in paths(str(trial.tree))
            for text in chunks(read(entry.path))
        ]
        await aindex(
            documents,
            records,
            store,
            cleanup="full",
            source_id_key="source",
            batch_size=AT_ONCE * MAX_TEXTS,
            key_encoder="sha1",  # its store wants UUIDs, which only this one makes,
        )


if __name__ == "__main__":
    anyio.run(main, Trial.from_arguments())
