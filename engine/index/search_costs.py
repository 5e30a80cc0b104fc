"""Whether a search looks at every row or asks the approximate index. Pure."""

from dataclasses import dataclass
from typing import Final

EXACT_CHUNKS: Final = 20_000
"""So many chunks are compared one by one, in about the time that the index takes."""
# Rows that an index scan may look at before it gives up, and somebody looks at all.
SCANNED_TUPLES: Final = 40_000
_LARGEST_EF: Final = 1_000
# Of several indexes, each begins with so many times its share of what is wanted, or with these.
_SHARES: Final = 4
_LEAST_EF: Final = 40
# In an index of more rows it begins with more, by the root, or it would find less of the nearest.
# Measured with 2,000,000: of the nearest ten 200 candidates find 0.86, 600 find 0.91 in 3 ms more.
_EASY_ROWS: Final = 200_000

# Row by row from the index to the entry: any other join would read the index to its end.
_ROW_BY_ROW: Final = {"enable_hashjoin": "off", "enable_mergejoin": "off"}
SCAN_SETTINGS: Final = {"enable_hashjoin": "on", "enable_mergejoin": "on"}
"""For a scan of all rows behind one by the index, in the same transaction."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What it would take to look at everything.

    `chunks` pass the filters, counted in so many files only; `indexed` if there is an index
    of the embedder's vectors, in each of the `parts` that need one. The largest of these has
    about so many `rows`.
    """

    chunks: int
    indexed: bool
    parts: int
    rows: int
    pgvector: str


def index_settings(pgvector: str, *, depth: int, parts: int = 1, rows: int = 0) -> dict[str, str]:
    """How the index is scanned: on and on until `depth` rows have passed the filters.

    Of many indexes each begins with less, since it has but its share of what is near; one that
    has more of it is scanned on. Before 0.8 it returned `ef_search` rows at most, whatever
    became of them.
    """
    if _version(pgvector) < (0, 8):
        return {**_ROW_BY_ROW, "hnsw.ef_search": str(_LARGEST_EF)}
    return {
        **_ROW_BY_ROW,
        "hnsw.ef_search": str(min(_first_look(depth, parts, rows), _LARGEST_EF)),
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": str(SCANNED_TUPLES),
    }


def _first_look(depth: int, parts: int, rows: int) -> int:
    share = depth if parts == 1 else max(_LEAST_EF, _SHARES * depth // parts)
    return int(share * max(1.0, rows / _EASY_ROWS) ** 0.5)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
