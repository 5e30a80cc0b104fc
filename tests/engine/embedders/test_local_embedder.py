"""What the bundled embedders do beyond the contract."""

import subprocess
import sys

import pytest

from engine.embedders import HashedEmbedder, LocalEmbedder, open_embedder
from engine.errors import BadSetting


def test_importing_the_package_reads_no_model() -> None:
    script = (
        "import sys, engine.embedders\n"
        "print(sorted({'tokenizers', 'wordllama'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_embedding_loads_no_hub_client_and_no_framework() -> None:
    script = (
        "import asyncio, sys, engine.embedders as e\n"
        "asyncio.run(e.open_embedder('local').embed(['hello']))\n"
        "print(sorted({'huggingface_hub', 'requests', 'torch', 'wordllama'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_an_embedder_is_chosen_by_name() -> None:
    assert isinstance(open_embedder("local"), LocalEmbedder)
    assert isinstance(open_embedder("hashed"), HashedEmbedder)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSetting, match="embedder 'magic': unknown; there are hashed, local"):
        open_embedder("magic")


async def test_the_local_model_knows_synonyms() -> None:
    car, vehicle, banana = await LocalEmbedder().embed(["car", "vehicle", "banana"])
    assert car @ vehicle > car @ banana + 0.1


async def test_common_words_weigh_less_than_telling_ones() -> None:
    both, common, telling = await HashedEmbedder().embed(
        ["return this wavelet", "return this", "wavelet"]
    )
    assert both @ telling > both @ common
