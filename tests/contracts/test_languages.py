"""What every language promises, whatever it is given."""

from collections.abc import Sequence

import pytest
from every_language import SMALL_SAMPLES, key_of
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.languages import LANGUAGES, Analysis, Language, language_named


class NoFiles:
    def __contains__(self, key: object, /) -> bool:
        return False

    def files_in(self, folder: str) -> Sequence[str]:
        return ()

    def read(self, key: str) -> str | None:
        raise AssertionError(f"{key} was read though it is not there")


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    return language_named(str(request.param))


def assert_sound(language: Language, text: str, analysis: Analysis, chunk_chars: int) -> None:
    assert analysis.language == language.name
    rest = text
    for chunk in analysis.chunks:
        assert 0 < len(chunk.text) <= chunk_chars
        before, found, rest = rest.partition(chunk.text)
        assert found == chunk.text
        assert not before.strip()
        assert 1 <= chunk.start_line <= chunk.end_line <= len(text) + 1
    assert not rest.strip()
    for declared in analysis.declarations:
        assert declared.start_line <= declared.end_line
        assert "\n" not in declared.symbol.signature.replace("\\\n", "")


mangled = st.builds(
    lambda at, length, scrap: (at, length, scrap),
    st.integers(0, 200),
    st.integers(0, 20),
    st.one_of(
        st.text(max_size=8), st.sampled_from(["(", "'", '"""', "`", "\r", "{", "${", "/*", "é"])
    ),
)


@given(edits=st.lists(mangled, max_size=5), chunk_chars=st.integers(1, 80))
def test_no_text_made_from_a_valid_one_is_too_broken(
    language: Language, edits: list[tuple[int, int, str]], chunk_chars: int
) -> None:
    text = SMALL_SAMPLES[language.name]
    for at, length, scrap in edits:
        text = text[:at] + scrap + text[at + length :]
    analysis = language.analyse(key_of(language), text, chunk_chars=chunk_chars)
    assert_sound(language, text, analysis, chunk_chars)


@given(text=st.text(), chunk_chars=st.integers(1, 40))
def test_any_text_is_cut_into_bounded_chunks(
    language: Language, text: str, chunk_chars: int
) -> None:
    analysis = language.analyse(key_of(language), text, chunk_chars=chunk_chars)
    assert_sound(language, text, analysis, chunk_chars)


def test_a_valid_text_has_no_diagnostics(language: Language) -> None:
    text = SMALL_SAMPLES[language.name]
    analysis = language.analyse(key_of(language), text, chunk_chars=1200)
    assert analysis.diagnostics == ()
    assert [chunk.text.strip() for chunk in analysis.chunks] == [text.strip()]


def test_the_same_text_gives_the_same_answer(language: Language) -> None:
    text, key = SMALL_SAMPLES[language.name], key_of(language)
    first, second = (language.analyse(key, text, chunk_chars=20) for _ in range(2))
    assert first == second


def test_comments_and_blank_lines_move_declarations_but_do_not_change_them(
    language: Language,
) -> None:
    text, key = SMALL_SAMPLES[language.name], key_of(language)
    above = language.analyse(key, "\n\n" + text, chunk_chars=1200)
    plain = language.analyse(key, text, chunk_chars=1200)
    assert [each.symbol for each in above.declarations] == [
        each.symbol for each in plain.declarations
    ]
    assert [each.start_line for each in above.declarations] == [
        each.start_line + 2 for each in plain.declarations
    ]


def test_nothing_is_found_where_nothing_is_and_every_question_is_recorded(
    language: Language,
) -> None:
    key = key_of(language)
    references = language.analyse(key, SMALL_SAMPLES[language.name], chunk_chars=1200).references
    resolution = language.resolve(references, key, NoFiles())
    assert resolution.links == ()
    assert bool(resolution.probes) == bool(references)
    assert list(resolution.probes) == sorted(set(resolution.probes))


def test_an_empty_text_is_a_valid_empty_file(language: Language) -> None:
    assert language.analyse(key_of(language), "", chunk_chars=1200) == Analysis(language.name)


@settings(max_examples=20)
@given(st.text(max_size=40))
def test_a_bound_of_one_character_holds(language: Language, text: str) -> None:
    analysis = language.analyse(key_of(language), text, chunk_chars=1)
    assert all(len(chunk.text) == 1 for chunk in analysis.chunks)
