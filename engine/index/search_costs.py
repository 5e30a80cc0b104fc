"""Whether a search looks at every row or asks the approximate index. Pure."""

from dataclasses import dataclass
from typing import Final

EXACT_CHUNKS: Final = 20_000
"""So many chunks are compared one by one, in about the time that the index takes."""
# Rows that an index scan may look at before it gives up, and somebody looks at all.
SCANNED_TUPLES: Final = 40_000
_LARGEST_EF: Final = 1_000

# Row by row from the index to the entry: any other join would read the index to its end.
_ROW_BY_ROW: Final = {"enable_hashjoin": "off", "enable_mergejoin": "off"}
SCAN_SETTINGS: Final = {"enable_hashjoin": "on", "enable_mergejoin": "on"}
"""For a scan of all rows behind one by the index, in the same transaction."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What it would take to look at everything.

    `chunks` pass the filters, counted in so many files only; `indexed` if there is an index
    of the embedder's vectors.
    """

    chunks: int
    indexed: bool
    pgvector: str


def index_settings(pgvector: str, *, depth: int) -> dict[str, str]:
    """How the index is scanned: on and on until `depth` rows have passed the filters.

    Before 0.8 it returned `ef_search` rows at most, whatever became of them.
    """
    if _version(pgvector) < (0, 8):
        return {**_ROW_BY_ROW, "hnsw.ef_search": str(_LARGEST_EF)}
    return {
        **_ROW_BY_ROW,
        "hnsw.ef_search": str(min(depth, _LARGEST_EF)),
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": str(SCANNED_TUPLES),
    }


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
