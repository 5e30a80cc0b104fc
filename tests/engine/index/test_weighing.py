"""Rarer words weigh more, and what has most of a question is ranked first."""

import re
from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.index.terms import QUERY_TERMS
from engine.index.weighing import (
    COMBINED,
    LEAST_RANKED,
    PARTS,
    RANKED,
    Level,
    Weighed,
    at_least,
    ranked_of,
    weighed,
)

COUNTED = st.lists(st.integers(0, RANKED), max_size=QUERY_TERMS).map(
    lambda counts: {f"w{at:02}": count for at, count in enumerate(counts)}
)


def ask(counts: Mapping[str, int]) -> Weighed:
    return weighed(list(counts), list(counts.values()), of_all=RANKED)


def met(asked: str, words: set[str]) -> bool:
    """Whether a chunk with these words is found by a query."""
    operators = {"&": "and", "|": "or"}
    parts = re.findall(r"'\w+'|[()&|]", asked)
    terms = (operators.get(part, part) for part in parts)
    bools = (str(part[1:-1] in words) if part[0] == "'" else part for part in terms)
    return bool(eval(" ".join(bools) or "False"))


def rare_words(counts: dict[str, int]) -> set[str]:
    return {word for word in counts if met(ask(counts).rare, {word})}


@given(st.integers(1, 7), st.integers(1, 7), st.sets(st.integers(0, 6)))
def test_at_least_so_many_of_the_words(size: int, words: int, has: set[int]) -> None:
    lexemes = [f"w{at}" for at in range(words)]
    there = {f"w{at}" for at in has if at < words}
    assert met(at_least(min(size, words), lexemes), there) is (len(there) >= min(size, words))


@given(COUNTED)
def test_a_rarer_word_weighs_more(counts: dict[str, int]) -> None:
    weights = ask(counts).weights
    by_count = sorted(zip(counts.values(), weights, strict=True))
    assert all(
        first[1] > second[1] or max(1, first[0]) == max(1, second[0])
        for first, second in pairwise(by_count)
    )
    assert all(weight > 0 for weight in weights)


@given(COUNTED)
def test_the_chunks_of_rare_words_fit_under_the_bound_together(counts: dict[str, int]) -> None:
    assert sum(counts[word] for word in rare_words(counts)) < RANKED


@given(COUNTED)
def test_each_word_leads_to_its_chunks_while_there_is_room(counts: dict[str, int]) -> None:
    rare = rare_words(counts)
    common = sorted(counts.keys() - rare, key=lambda word: (counts[word], word))[:COMBINED]
    levels = ask(counts).levels
    last = [level for level in levels if level.asked == levels[-1].asked]
    assert {mark for level in last for mark in level.marks} >= (set(PARTS) if last else set())
    assert all(met(level.asked, {word}) for level in last for word in common)


def test_of_common_words_most_at_once_come_first() -> None:
    asked = ask({"form": RANKED, "rare": 3, "field": RANKED})
    assert asked.rare == "'rare'"
    assert asked.levels == (
        *(Level("'field' & 'form'", (part,)) for part in PARTS),
        Level("'field' | 'form'", ("field", "form")),
        *(Level("'field' | 'form'", (part,)) for part in PARTS),
    )


def test_of_few_chunks_no_more_than_a_part_is_ranked() -> None:
    ranked = [ranked_of(chunks) for chunks in (0, 100, 20_000, 40_000, 10**9)]
    assert ranked == [LEAST_RANKED, LEAST_RANKED, 1_000, RANKED, RANKED]


def test_a_question_of_many_common_words_stays_small() -> None:
    levels = ask({f"w{at:02}": RANKED for at in range(QUERY_TERMS)}).levels
    assert sum(len(level.asked) for level in levels) < 4096


def test_a_question_without_words_asks_for_nothing() -> None:
    asked = ask({})
    assert (asked.terms, asked.weights, asked.rare, asked.levels) == ((), (), "", ())
