"""A CocoIndex app in its tightest form: a memoized component a file, all its texts at once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import asyncpg
import cocoindex as coco
import numpy as np
from cocoindex.connectors import localfs, postgres
from cocoindex.resources.file import FileLike, PatternFilePathMatcher
from cocoindex.resources.schema import VectorSchema
from numpy.typing import NDArray
from trial import Trial, chunks

from benchmarks.slow_provider import DIMENSION

POOL = coco.ContextKey[asyncpg.Pool]("pool")
THE_TRIAL = Trial.from_arguments()


@dataclass
class Row:
    path: str
    ordinal: int
    text: str
    embedding: Annotated[NDArray[np.float32], VectorSchema(np.dtype(np.float32), DIMENSION)]


@coco.lifespan
async def lifespan(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
    builder.settings.db_path = THE_TRIAL.state / "cocoindex.db"
    async with await postgres.create_pool(THE_TRIAL.dsn) as pool:
        builder.provide(POOL, pool)
        yield


@coco.fn(memo=True)
async def one_file(file: FileLike[Any], table: postgres.TableTarget[Row]) -> None:
    texts = chunks((await file.read()).decode("utf-8", "replace").replace("\0", ""))
    vectors = await THE_TRIAL.many(texts)
    path = file.file_path.as_posix()
    for ordinal, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        table.declare_row(row=Row(path, ordinal, text, vector.astype(np.float32)))


@coco.fn
async def every_file() -> None:
    table = await postgres.mount_table_target(
        POOL,
        "chunks",
        await postgres.TableSchema.from_class(Row, primary_key=["path", "ordinal"]),
    )
    files = localfs.walk_dir(
        THE_TRIAL.tree,
        recursive=True,
        path_matcher=PatternFilePathMatcher(included_patterns=["**/*.py"]),
    )
    await coco.mount_each(one_file, files.items(), table)


async def main() -> None:
    app = coco.App(coco.AppConfig(name="trial"), every_file)
    async with coco.runtime():
        async for _ in THE_TRIAL.turns():
            await app.update()


if __name__ == "__main__":
    anyio.run(main)
