"""The engine's ranking, its parts, and what could be added to it. Knows no right answer."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import asyncpg

from benchmarks.search_index import Index
from engine.index.hit import Hit
from engine.index.search_statement import RANKING, Ranking
from engine.index.terms import query_terms

DEPTH = 10
LOOKED_AT = 200

Places = list[str]
"""The first ten different keys that a ranking puts, best first."""

Boost = Callable[[str, Hit, Counter[str]], float]
"""What a hit gets on top of its score, from the question and how many read each file."""


def places_of(keys: Iterable[str]) -> Places:
    return list(dict.fromkeys(keys))[:DEPTH]


def in_symbol(question: str, hit: Hit, _: Counter[str]) -> float:
    return 0.2 * _share(question, hit.symbol)


def in_path(question: str, hit: Hit, _: Counter[str]) -> float:
    return 0.2 * _share(question, hit.path)


def is_read(_: str, hit: Hit, readers: Counter[str]) -> float:
    return 0.1 * math.log1p(readers[hit.path]) / math.log1p(max(readers.values(), default=1))


def _share(question: str, name: str) -> float:
    asked = query_terms(question)
    return len(set(asked) & set(query_terms(name))) / max(1, len(asked))


@dataclass(frozen=True, slots=True)
class Rankings:
    """What the engine can be told, and what is tried on top of its own ranking."""

    own: dict[str, Ranking]
    boosts: dict[str, Boost]

    async def answers(
        self, pool: asyncpg.Pool, index: Index, questions: Sequence[str]
    ) -> dict[str, list[Places]]:
        readers = await index.readers(pool)
        found: dict[str, list[Places]] = {}
        for question in questions:
            hits = {
                label: await index.search(pool, question, ranking, LOOKED_AT)
                for label, ranking in self.own.items()
            }
            ranked = {label: [hit.path for hit in each] for label, each in hits.items()}
            ranked["hybrid, reciprocal ranks"] = reciprocal(hits["text"], hits["vector"])
            for label, boost in self.boosts.items():
                ranked[f"hybrid + {label}"] = boosted(question, hits["hybrid"], boost, readers)
            for label, keys in ranked.items():
                found.setdefault(label, []).append(places_of(keys))
        return found


def reciprocal(*rankings: Sequence[Hit], constant: int = 10) -> list[str]:
    scores: defaultdict[tuple[str, int], float] = defaultdict(float)
    for hits in rankings:
        for place, hit in enumerate(hits, start=1):
            scores[hit.path, hit.start_line] += 1 / (constant + place)
    return [path for path, _ in sorted(scores, key=lambda each: (-scores[each], each))]


def boosted(question: str, hits: Sequence[Hit], boost: Boost, readers: Counter[str]) -> list[str]:
    scored = sorted(hits, key=lambda hit: -hit.score - boost(question, hit, readers))
    return [hit.path for hit in scored]


FUNCTIONS = Rankings(
    own={
        "vector": replace(RANKING, text=0.0),
        "text": replace(RANKING, vector=0.0),
        "hybrid": RANKING,
        "hybrid, vector at 0.3": replace(RANKING, vector=0.3),
        "hybrid, vector at 0.7": replace(RANKING, vector=0.7),
    },
    boosts={"words in the symbol": in_symbol},
)

FILES = Rankings(
    own=FUNCTIONS.own
    | {
        "hybrid, tests not set back": replace(RANKING, tests=1.0),
        "hybrid, tests at 0.5": replace(RANKING, tests=0.5),
        "hybrid, definitions like all else": replace(RANKING, definitions=0.0),
    },
    boosts={
        "words in the symbol": in_symbol,
        "words in the path": in_path,
        "files that many read": is_read,
    },
)
