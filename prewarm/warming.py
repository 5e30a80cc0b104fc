"""Load the definitions that coming visits will need, before they start."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prewarm.cache import DefinitionCache
from prewarm.definition import Definition, Key
from prewarm.errors import DefinitionError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PrewarmReport:
    """The definitions that are warm now, and those that could not be, with the reason."""

    definitions: Mapping[Key, Definition]
    failed: tuple[tuple[Key, str], ...]


async def prewarm(keys: Iterable[Key], cache: DefinitionCache, *, limit: int) -> PrewarmReport:
    """Warm up these keys with at most `limit` loads at once.

    Best given dependencies first: then few loads wait for others. A definition that
    fails is a warning, its visit will find out more; a store that fails is an error.
    """
    outcomes = await cache.get_many(keys, limit=limit)
    failures = tuple(
        (key, outcome.reason)
        for key, outcome in outcomes.items()
        if isinstance(outcome, DefinitionError)
    )
    for key, reason in failures:
        _log.warning(
            "%s: its definition can't be prewarmed, it is left to the visit: %s", key, reason
        )
    warm = {key: found for key, found in outcomes.items() if isinstance(found, Definition)}
    return PrewarmReport(warm, failures)
