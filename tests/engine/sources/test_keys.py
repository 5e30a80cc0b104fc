"""Which names are keys."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources import Problem, key_of
from engine.sources.keys import MAX_KEY_BYTES, are_keys, shown

NAMES = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(exclude_characters="/"), max_size=4),
        st.sampled_from([".", "..", ".git", "a", "\udcff", "e\u0301", "\n", "n" * 700]),
    ),
    min_size=1,
    max_size=5,
).map("/".join)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "./a", "a/.", ".git/config",
     "a/.git", "a\n", "\0", b"\xff", "a\ud800", "n" * 2049, "\xe9" * 1025],
)  # fmt: skip
def test_a_path_that_could_do_harm_is_no_key(path: str | bytes) -> None:
    assert isinstance(key_of(path), Problem)


@pytest.mark.parametrize("path", ["a", "a/b.py", "...", "a/..b", "-x", " ", "a\\b", "~", ".gitx"])
def test_an_odd_but_harmless_path_is_its_own_key(path: str) -> None:
    assert key_of(path) == path


@given(NAMES)
def test_a_key_is_normal_and_a_key_of_itself(path: str) -> None:
    key = key_of(path)
    if isinstance(key, str):
        assert key == key_of(key) == unicodedata.normalize("NFC", key)
        assert len(key.encode()) <= MAX_KEY_BYTES
    else:
        assert key.key.isascii()
        assert key.key.isprintable()
        assert len(key.key) <= MAX_KEY_BYTES


@given(st.lists(NAMES, max_size=5))
def test_the_quick_judgement_of_many_never_passes_what_the_slow_one_refuses(
    paths: list[str],
) -> None:
    if are_keys(paths):
        assert [key_of(path) for path in paths] == paths


@given(st.sets(st.text(alphabet="\n\t\udcff\xe9nt"), min_size=2, max_size=2))
def test_two_names_are_shown_differently(paths: set[str]) -> None:
    assert len({shown(path) for path in paths}) == 2


def test_two_long_names_are_shown_differently() -> None:
    first, second = (shown("n" * 2000 + middle + "n" * 2000) for middle in "ab")
    assert first != second
