"""Texts to vectors at the provider's own pace: full batches, several under way, each paid once."""

from engine.embedding.breaker import Breaker, EmbedderOutage
from engine.embedding.line import tokens_of
from engine.embedding.on_the_way import OnTheWay
from engine.embedding.queue import EmbeddingQueue, EmbeddingStatistics, Keep, embedding_queue
from engine.embedding.reaction import EmbeddingTimeout, tells_of_outage
from engine.embedding.requests import Arrived, Found
from engine.embedding.traffic import Supply

__all__ = [
    "Arrived",
    "Breaker",
    "EmbedderOutage",
    "EmbeddingQueue",
    "EmbeddingStatistics",
    "EmbeddingTimeout",
    "Found",
    "Keep",
    "OnTheWay",
    "Supply",
    "embedding_queue",
    "tells_of_outage",
    "tokens_of",
]
