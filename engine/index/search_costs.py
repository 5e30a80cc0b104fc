"""Whether a search looks at every row or asks the approximate index, and for which words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

EXACT_CHUNKS: Final = 20_000
"""So many chunks are compared one by one, in about the time that the index takes."""
MATCHED_ROWS: Final = 20_000
"""So many chunks with words of the question are ranked at most, where all are too many."""
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

    `chunks` pass the filters, counted in so many files only; `shares` of all `rows` have
    one of the commonest terms.
    """

    chunks: int
    indexed: bool
    pgvector: str
    rows: int
    shares: Mapping[str, float]


def affordable(lexemes: Sequence[str], costs: Costs) -> list[str]:
    """The terms to search for: all, or the rarest as long as not too many rows have one.

    A word that every other chunk has tells nothing beside a rare one. The rarest stays,
    however common it is.
    """
    rarest_first = sorted(lexemes, key=lambda lexeme: costs.shares.get(lexeme, 0.0))
    kept: set[str] = set()
    rows = 0.0
    for lexeme in rarest_first:
        rows += costs.rows * costs.shares.get(lexeme, 0.0)
        if kept and rows > MATCHED_ROWS:
            break
        kept.add(lexeme)
    return [lexeme for lexeme in lexemes if lexeme in kept]


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
