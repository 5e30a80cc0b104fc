"""Rarer words weigh more, and what has most of a question is ranked first."""

from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.index.terms import QUERY_TERMS
from engine.index.weighing import COMBINED, RANKED, Weighed, weighed

COUNTED = st.lists(st.integers(0, RANKED), max_size=QUERY_TERMS).map(
    lambda counts: {f"w{at:02}": count for at, count in enumerate(counts)}
)


def ask(counts: Mapping[str, int]) -> Weighed:
    return weighed(list(counts), list(counts.values()), of_all=RANKED)


def met(level: str, words: set[str]) -> bool:
    """Whether a chunk with these words passes a level."""
    return any(
        {word.strip("'() ") for word in every.split("&")} <= words
        for every in level.split(" | ")
        if every
    )


def rare_words(counts: dict[str, int]) -> set[str]:
    """The words that the first level asks for one by one, unless it is the last as well."""
    levels = ask(counts).levels
    first = levels[0] if levels and min(counts.values()) < RANKED else ""
    return {word for word in counts if met(first, {word})}


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
    last = ask(counts).levels[-1:]
    assert all(met(level, {word}) for level in last for word in common)


def test_of_common_words_most_at_once_come_first() -> None:
    levels = ask({"form": RANKED, "rare": 3, "field": RANKED}).levels
    assert levels == (
        "'rare'",
        "('field' & 'form')",
        "'field':A | 'form':A",
        "'field' | 'form'",
    )


def test_a_question_of_many_common_words_stays_small() -> None:
    levels = ask({f"w{at:02}": RANKED for at in range(QUERY_TERMS)}).levels
    assert sum(map(len, levels)) < 4096


def test_a_question_without_words_asks_for_nothing() -> None:
    asked = ask({})
    assert (asked.terms, asked.weights, asked.levels) == ((), (), ())
