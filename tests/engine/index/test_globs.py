"""Path globs as patterns: checked with Python's engine, on the syntax both engines share."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.index.globs import glob_pattern


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
