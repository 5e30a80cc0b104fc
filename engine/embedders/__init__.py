"""Turn texts into vectors."""

from engine.embedders.embedder import (
    BadVectors,
    Embedder,
    EmbedderUnavailable,
    QuestionEmbedder,
    TextTooLong,
    Vectors,
    checked,
    question_row,
)
from engine.embedders.hashed import HashedEmbedder
from engine.embedders.local import LocalEmbedder, NoLocalModel
from engine.embedders.offloaded import offloaded
from engine.embedders.opening import chosen_embedder, open_embedder

__all__ = [
    "BadVectors",
    "Embedder",
    "EmbedderUnavailable",
    "HashedEmbedder",
    "LocalEmbedder",
    "NoLocalModel",
    "QuestionEmbedder",
    "TextTooLong",
    "Vectors",
    "checked",
    "chosen_embedder",
    "offloaded",
    "open_embedder",
    "question_row",
]
