"""The texts of a visit, made ready to be embedded and searched. Runs where it is cheapest."""

from collections.abc import Sequence

from engine.chunk_text import PreparedText, prepare_text
from engine.executors import Executor
from engine.visit import DraftChunk

# What takes a tenth of a millisecond here and several by way of another process, as a card does.
INLINE_CHARS = 4_000

Prepared = tuple[tuple[DraftChunk, PreparedText], ...]


async def prepared_drafts(executor: Executor, key: str, drafts: Sequence[DraftChunk]) -> Prepared:
    """Each draft with its hash and terms. A file's own chunks bring theirs along."""
    fresh = [draft for draft in drafts if draft.prepared is None]
    work = key, _texts(fresh)
    few = sum(len(text) for _, text in work[1]) <= INLINE_CHARS
    made = _prepare_all(work) if few else await executor.run(_prepare_all, work)
    rest = iter(made)
    return tuple((draft, draft.prepared or next(rest)) for draft in drafts)


def _texts(drafts: Sequence[DraftChunk]) -> list[tuple[str, str]]:
    return [(draft.symbol, draft.text) for draft in drafts]


def _prepare_all(work: tuple[str, list[tuple[str, str]]]) -> list[PreparedText]:
    key, texts = work
    return [prepare_text(key, symbol, text) for symbol, text in texts]
