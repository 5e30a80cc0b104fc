"""Turn texts into vectors."""

from engine.embedders.embedder import (
    BadVectors,
    Embedder,
    EmbedderUnavailable,
    TextTooLong,
    Vectors,
    checked,
)
from engine.embedders.hashed import HashedEmbedder
from engine.embedders.local import LocalEmbedder, NoLocalModel
from engine.embedders.offloaded import offloaded
from engine.embedders.opening import open_embedder

__all__ = [
    "BadVectors",
    "Embedder",
    "EmbedderUnavailable",
    "HashedEmbedder",
    "LocalEmbedder",
    "NoLocalModel",
    "TextTooLong",
    "Vectors",
    "checked",
    "offloaded",
    "open_embedder",
]
