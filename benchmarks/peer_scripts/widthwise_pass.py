"""A pass of Widthwise as its README shows it, with the embedder of the trial."""

from collections.abc import Sequence
from typing import Any

import anyio
from trial import CHUNK_CHARS, Trial

from benchmarks.slow_provider import DIMENSION
from engine import Engine, Folder, Settings


class TrialEmbedder:
    fingerprint = "trial/1"
    dimension = DIMENSION

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    async def embed(self, texts: Sequence[str]) -> Any:
        return await self._trial.batch(texts)


async def main(trial: Trial) -> None:
    settings = Settings(home=trial.state, dsn=trial.dsn, chunk_chars=CHUNK_CHARS)
    async with Engine.open(settings, embedder=TrialEmbedder(trial)) as engine:
        realm = await engine.add_realm("tree", Folder(trial.tree, include=["*.py"]))
        async for _ in trial.turns():
            await (await realm.index()).finished()


if __name__ == "__main__":
    anyio.run(main, Trial.from_arguments())
