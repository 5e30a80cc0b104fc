"""Path globs as patterns: checked with Python's engine, on the syntax both engines share."""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.index.globs import glob_pattern, glob_words
from engine.index.terms import NAME_CHARS, terms


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("src/**", ["src/a.py", "src/a/b.py"], ["lib/src/a.py", "src"]),
        ("src/", ["src/a.py", "src/a/b.py"], ["src"]),
        ("**/*.py", ["a.py", "x/y/a.py"], ["a.pyc", "a.py/b"]),
        ("*.py", ["a.py"], ["x/a.py"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a(1)+[x]{2}^$|\\", ["a(1)+[x]{2}^$|\\"], ["a1"]),
    ],
)
def test_globs(glob: str, matching: list[str], others: list[str]) -> None:
    pattern = re.compile(glob_pattern(glob))
    assert [key for key in matching + others if pattern.search(key)] == matching


@given(st.text(alphabet=st.characters(blacklist_characters="*?/", blacklist_categories=["Cs"])))
def test_a_text_without_wildcards_matches_itself_alone(text: str) -> None:
    pattern = re.compile(glob_pattern(text), re.DOTALL)
    assert pattern.fullmatch(text)
    assert not pattern.fullmatch(text + "x")


GLOBS = st.text(alphabet="aB_ 1./-é\u0301*?", max_size=30)


@given(GLOBS, st.data())
def test_what_matches_has_the_words_of_its_glob(glob: str, data: st.DataObject) -> None:
    filled = "".join(
        data.draw(st.text("aB_1é", max_size=3)) if sign in "*?" else sign for sign in glob
    )
    assume(re.fullmatch(glob_pattern(glob), filled, re.DOTALL))
    key = unicodedata.normalize("NFC", filled)
    assume(re.fullmatch(glob_pattern(glob), key, re.DOTALL))
    assert set(glob_words(glob)) <= terms(key[:NAME_CHARS]).keys()


@pytest.mark.parametrize(
    ("glob", "words"),
    [
        ("src/package3/**", ["src", "packag", "package3"]),
        ("src/pack*", ["src"]),
        ("**/src/a.py", []),
        ("x" * 2 * NAME_CHARS, []),
    ],
)
def test_the_words_of_a_glob(glob: str, words: list[str]) -> None:
    assert glob_words(glob) == words
