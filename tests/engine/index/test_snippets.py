"""The lines that are shown of a hit, and the places of the words in them."""

from hypothesis import given
from hypothesis import strategies as st

from engine.index.snippets import SNIPPET_LINES, Match, snippet
from engine.index.terms import query_terms, terms

LINES = st.lists(st.text(st.sampled_from("ab _.\téß\x85"), max_size=12), min_size=1, max_size=12)


def test_it_shows_where_most_words_of_the_question_stand() -> None:
    text = "\n".join(["user", *[""] * 8, "def f():", "    getUserName()", "    pass"])
    found = snippet(text, query_terms("the name of users"), start_line=100)
    assert found.start_line == 110
    assert found.lines == ("    getUserName()", "    pass")
    assert found.matches == (Match(0, 4, 15),)


def test_without_a_match_it_is_the_beginning() -> None:
    found = snippet("\n".join("abcdefgh"), query_terms("refund"), start_line=3)
    assert (found.start_line, found.lines, found.matches) == (3, ("a", "b", "c", "d", "e"), ())


@given(LINES, st.text(st.sampled_from("ab éß"), max_size=20))
def test_every_mark_is_on_a_word_of_the_question_and_none_is_missed(
    lines: list[str], asked: str
) -> None:
    wanted = set(query_terms(asked))
    found = snippet("\n".join(lines), wanted)
    assert list(found.lines) == lines[found.start_line - 1 :][:SNIPPET_LINES]
    for match in found.matches:
        assert wanted & terms(found.lines[match.line][match.start : match.end]).keys()
    marked = "\n".join(found.lines[match.line][match.start : match.end] for match in found.matches)
    assert wanted & terms(marked).keys() == wanted & terms("\n".join(found.lines)).keys()


def test_a_minified_file_is_cut() -> None:
    found = snippet("x" * 1_000_000, ["y"])
    assert len(found.lines[0]) == 400
