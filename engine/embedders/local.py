"""The bundled model: static word vectors of wordllama, read without its own loader.

Its vectors know synonyms a little and nothing of word order: it is no transformer, and
full text search finds as much. It costs one small product a text and no download.

The weights are those of the package `wordllama` (Lee Miller, MIT licence, which covers
its weights as published). Its documentation says that they were trained from the token
embeddings of Llama 2 70B and Phi-3 medium among others, and that the tokenizer is that of
Llama 2. Phi-3 is under the MIT licence; Llama 2 is under Meta's community licence, whose
terms on derivative works and on naming the package does not mention. Whoever must not
depend on that question uses `hashed` or a model of their own.
"""

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.embedders.bag import Row
from engine.embedders.commonness import telling
from engine.embedders.freed_memory import give_back_freed_memory
from engine.embedders.summing import SummingEmbedder
from engine.errors import WidthwiseError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS: Final = ("weights/l2_supercat_256.safetensors", "8ca0090ec476a033f1b86907875f5a5e")
_TOKENIZER: Final = (
    "tokenizers/l2_supercat_tokenizer_config.json",
    "8f18b6a1ec6d8c28f58037001e19efd4",
)

_PIECE_BYTES: Final = 1 << 20


class NoLocalModel(WidthwiseError):
    """The weights are not installed, or are others than the fingerprint says."""


class LocalEmbedder(SummingEmbedder):
    """Reads its weights at the first text, once a process, in a worker thread."""

    def __init__(self) -> None:
        super().__init__(_vector_of, fingerprint=f"wordllama-l2-supercat-256/{_WEIGHTS[1][:12]}/1")


def _vector_of(word: str) -> Row:
    """The sum of a word's tokens at unit length, so that no token outweighs the word's weight."""
    ids = _tokenizer().encode(word, add_special_tokens=False).ids
    vector: Row = _token_vectors()[ids].sum(axis=0, dtype=np.float32)
    length = float(np.linalg.norm(vector))
    return vector * np.float32(telling(word) / length) if length else vector


@cache
def _token_vectors() -> NDArray[np.float16]:
    # A safetensors file is the length of its header, the header as JSON, the numbers.
    # Mapped, because few of its pages are ever touched.
    path = _verified(*_WEIGHTS)
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        table = json.loads(file.read(header_bytes))["embedding.weight"]
    start, shape = 8 + header_bytes + table["data_offsets"][0], tuple(table["shape"])
    return np.memmap(path, dtype="<f2", mode="r", offset=start, shape=shape)


@cache
def _tokenizer() -> "Tokenizer":
    # Imported late: the library takes 15 MB and most processes never embed.
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(_verified(*_TOKENIZER)))
    # Reading it leaves holes of 9 MB, in each worker process.
    give_back_freed_memory()
    return tokenizer


def _verified(name: str, digest: str) -> Path:
    """A file of the package, found without importing it: its import configures logging."""
    package = find_spec("wordllama")
    if package is None or not package.submodule_search_locations:
        raise NoLocalModel("embedder local: the package wordllama is not installed")
    path = Path(package.submodule_search_locations[0], name)
    if not path.is_file():
        raise NoLocalModel(f"{path}: missing; install wordllama 0.2.2.post0 again")
    if _digest(path) != digest:
        raise NoLocalModel(f"{path}: other content than expected; install wordllama 0.2.2.post0")
    return path


def _digest(path: Path) -> str:
    if path.suffix == ".json":
        return hashlib.blake2b(path.read_bytes().rstrip(), digest_size=16).hexdigest()
    # The weights are 16 MB: in pieces, so that no process ever holds them beside the mapped ones.
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
