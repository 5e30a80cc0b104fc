"""BM25 over split and stemmed words: the line that a search has to beat. Knows no database."""

import math
from collections import defaultdict
from collections.abc import Sequence

from engine.index.terms import query_terms, terms


class BM25:
    """Robertson's ranking with the customary constants, over the words that the engine sees."""

    def __init__(self, texts: Sequence[str], *, k: float = 1.5, b: float = 0.75) -> None:
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = []
        for at, text in enumerate(texts):
            counts = terms(text)
            lengths.append(counts.total())
            for lexeme, count in counts.items():
                self._postings[lexeme].append((at, count))
        mean = sum(lengths) / len(lengths)
        self._k = k
        self._bends = [k * (1 - b + b * length / mean) for length in lengths]

    def best(self, question: str, limit: int) -> list[int]:
        """The places of the best texts, best first."""
        scores: defaultdict[int, float] = defaultdict(float)
        for lexeme in query_terms(question):
            found = self._postings.get(lexeme, ())
            rarity = math.log1p((len(self._bends) - len(found) + 0.5) / (len(found) + 0.5))
            for at, count in found:
                scores[at] += rarity * count * (self._k + 1) / (count + self._bends[at])
        return sorted(scores, key=lambda at: (-scores[at], at))[:limit]
