"""What every embedder that ships promises."""

import os
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_dialects import VERTEX, dialects

from engine.embedders import Embedder, open_embedder
from engine.embedders.google_tokens import MetadataServer
from engine.embedders.ollama import OllamaEmbedder
from engine.embedders.openai import OpenAIEmbedder
from engine.embedders.remote import RemoteEmbedder
from engine.embedders.vertex import VertexEmbedder

Opened: TypeAlias = AbstractAsyncContextManager[Embedder]

NAMES = ("hashed", "local")

ODD_TEXTS = [
    "",
    " \n\t",
    "()[]{};;::",
    "\0",
    "a\0b",
    "🙂🙂",
    "\ud800",
    "naïve Änderung",
    "数据库连接池",
    "e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}",
    "x",
    "0" * 5000,
    "A" * 200_000,
    "aB" * 40_000,
    "def get_user_name(self): return self.userName",
]
LETTERS = str.maketrans("01234567", "bcdfghjk")


@pytest.fixture(scope="module", params=NAMES)
def bundled(request: pytest.FixtureRequest) -> Embedder:
    return open_embedder(request.param)


REMOTE: dict[str, Callable[[str], RemoteEmbedder]] = {
    "openai": lambda url: OpenAIEmbedder(f"{url}/v1", "m"),
    "ollama": lambda url: OllamaEmbedder(url, "m"),
    "vertex": lambda url: VertexEmbedder(f"{url}{VERTEX}", "m", credentials=MetadataServer(url)),
}


@pytest.fixture(params=[*NAMES, *REMOTE])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Of the remote ones, with a provider that speaks their dialect."""
    return _opened(request.param)


@asynccontextmanager
async def _opened(name: str) -> AsyncIterator[Embedder]:
    if name in NAMES:
        yield open_embedder(name)
        return
    async with dialects() as provider, REMOTE[name](provider.url) as remote:
        await remote.probe()
        yield remote


async def test_each_text_gets_one_row_of_unit_length(opened: Opened) -> None:
    async with opened as embedder:
        vectors = await embedder.embed(ODD_TEXTS)
        assert vectors.shape == (len(ODD_TEXTS), embedder.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


async def test_no_texts_give_no_rows(opened: Opened) -> None:
    async with opened as embedder:
        assert (await embedder.embed([])).shape == (0, embedder.dimension)


async def test_a_batch_equals_one_by_one_in_any_order(opened: Opened) -> None:
    async with opened as embedder:
        batch = await embedder.embed(ODD_TEXTS)
        backwards = await embedder.embed(ODD_TEXTS[::-1])
        alone = [(await embedder.embed([text]))[0] for text in ODD_TEXTS]
        np.testing.assert_array_equal(batch, backwards[::-1])
        np.testing.assert_array_equal(batch, alone)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=300), max_size=6))
async def test_what_was_embedded_before_does_not_matter(name: str, texts: list[str]) -> None:
    used, fresh = open_embedder(name), open_embedder(name)
    await used.embed(["get_user_name", *texts[::-1]])
    np.testing.assert_array_equal(await used.embed(texts), await fresh.embed(texts))


async def test_texts_that_share_words_are_nearer_than_texts_that_do_not(opened: Opened) -> None:
    async with opened as embedder:
        query, near, far = await embedder.embed(
            [
                "read the user name",
                "def readUserName(row): ...",
                "class TextureLoader: colour = None",
            ]
        )
        assert query @ near > query @ far + 0.2


async def test_more_words_than_it_holds_change_no_vector(bundled: Embedder) -> None:
    wanted = await bundled.embed(["the quick brown fox"])
    for start in range(0, 40_000, 10_000):
        await bundled.embed(
            [" ".join(f"w{at:o}".translate(LETTERS) for at in range(start, start + 10_000))]
        )
    np.testing.assert_array_equal(await bundled.embed(["the quick brown fox"]), wanted)


async def test_a_huge_text_takes_bounded_memory(bundled: Embedder) -> None:
    huge = "some_words andMore " * 500_000
    await bundled.embed(["warm"])
    tracemalloc.start()
    try:
        await bundled.embed([huge])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


async def test_another_process_gives_the_same_vectors_and_fingerprint(bundled: Embedder) -> None:
    name = NAMES[bundled.fingerprint.startswith("wordllama")]
    script = (
        "import asyncio, engine.embedders as e\n"
        f"embedder = e.open_embedder({name!r})\n"
        "print(embedder.fingerprint)\n"
        "print(asyncio.run(embedder.embed(['def get_user_name(): 数据库', ''])).tobytes().hex())\n"
    )
    answers = {
        (
            await anyio.run_process(
                [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}
            )
        ).stdout.decode()
        for seed in ("1", "2")
    }
    vectors = await bundled.embed(["def get_user_name(): 数据库", ""])
    assert answers == {f"{bundled.fingerprint}\n{vectors.tobytes().hex()}\n"}


def test_no_two_embedders_share_a_fingerprint() -> None:
    assert len({open_embedder(name).fingerprint for name in NAMES}) == len(NAMES)
