"""Identifiers are cut where a reader would cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.words import identifiers, parts


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("parseHTTPHeader_v2", ["parse", "http", "header", "v", "2"]),
        ("HTTPServer", ["http", "server"]),
        ("getURLsFor", ["get", "urls", "for"]),
        ("__init__", ["init"]),
        ("MAX_SIZE", ["max", "size"]),
        ("x86_64", ["x", "86", "64"]),
        ("naïveBayes", ["naïve", "bayes"]),
        ("ＡＢＣ", ["abc"]),
        ("数据库", ["数据库"]),
        ("_", []),
        ("", []),
    ],
)
def test_an_identifier_is_cut_into_its_words(identifier: str, expected: list[str]) -> None:
    assert parts(identifier) == expected


def test_an_accent_typed_apart_does_not_cut_a_word() -> None:
    assert identifiers("cafe\N{COMBINING ACUTE ACCENT} au lait") == ["café", "au", "lait"]


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_cut_like_any_other(text: str) -> None:
    assert identifiers(text) == identifiers(f"{text} é")[:-1]


@given(st.from_regex(r"[a-z]{2,8}", fullmatch=True), st.integers(1, 4))
def test_camel_and_snake_case_have_the_same_words(word: str, times: int) -> None:
    assert parts("_".join([word] * times)) == parts(word + word.title() * (times - 1))


@given(st.text())
def test_words_are_lower_case_and_no_letter_of_plain_text_is_lost(text: str) -> None:
    for identifier in identifiers(text):
        words = parts(identifier)
        assert words == [word.lower() for word in words]
        if identifier.isascii():
            assert "".join(words) == identifier.replace("_", "").lower()
