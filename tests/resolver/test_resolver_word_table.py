"""Places of words, found through tables that stand one behind the other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resolver.word_table import UNKNOWN, WordTable

# Few bits differ, and high ones only, so that many words want one slot.
WORDS = st.lists(st.integers(0, 40).map(lambda n: n << 58) | st.integers(0, 2**64 - 1))


@given(WORDS, WORDS)
def test_each_word_is_found_at_a_place_where_it_stands(words: list[int], asked: list[int]) -> None:
    asked = [*asked, *words]
    found = WordTable(np.array(words, np.uint64)).find(np.array(asked, np.uint64)).tolist()
    for word, place in zip(asked, found, strict=True):
        assert words[place] == word if word in words else place == UNKNOWN


def test_a_million_words_are_found_with_few_tables() -> None:
    words = np.arange(1_000_000, dtype=np.uint64) * np.uint64(96)
    table = WordTable(words)
    assert np.array_equal(table.find(words[::-1]), np.arange(words.size)[::-1])
    assert (table.find(words + np.uint64(1)) == UNKNOWN).all()
    assert len(table._levels) < 12
