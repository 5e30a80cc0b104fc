"""What the chunks of every language promise for texts as they are found in the wild."""

import re
from collections.abc import Sequence

import pytest
from every_language import SMALL_SAMPLES, key_of
from hypothesis import given, settings
from hypothesis import strategies as st
from language_samples import SAMPLES

from engine.languages import LANGUAGES, Chunk, Language, language_named

_LINE_ENDS = ("\n", "\r\n", "\r")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BETWEEN = (
    *("", "\n", "\n\n", "\r", "\r\n\r\n", "\f", "\n\f\n", "\v", "\x1c", "\N{NEXT LINE}"),
    *("\N{LINE SEPARATOR}", "\ufeff", "\N{NO-BREAK SPACE}", "\t", " " * 300, "\n" * 40),
    *("é", "\N{SNOWMAN}\N{GRINNING FACE}", "e\N{COMBINING ACUTE ACCENT}", "\N{EN SPACE}"),
)
_BOUNDS = st.one_of(st.integers(1, 12), st.integers(13, 400), st.just(1200))
# `{0}` is a number, so that every function is another one.
_FUNCTIONS = {
    "c": "static int f{0}(int a)\n{{\n    if (a) {{ return g({0}); }}\n    return a;\n}}",
    "cpp": "template<class T> T f{0}(T a)\n{{\n    for (auto b : a) {{ g(b); }}\n    return a;\n}}",
    "csharp": "class C{0}\n{{\n    int F(int a)\n    {{\n        return G({0});\n    }}\n}}",
    "gjs": "export function f{0}(a) {{\n  if (a) {{ return g({0}); }}\n  return a;\n}}",
    "go": "func f{0}(a int) int {{\n\tif a > 1 {{\n\t\treturn g({0})\n\t}}\n\treturn a\n}}",
    "java": "class C{0} {{\n    int f(int a) {{\n        return g({0});\n    }}\n}}",
    "php": "function f{0}($a) {{\n    if ($a) {{ return g({0}); }}\n    return $a;\n}}",
    "python": "@d\ndef f{0}(a):\n    if a:\n        return g({0})\n\n    return a",
    "ruby": "def f{0}(a)\n  return g({0}) if a\n\n  a\nend",
    "rust": "pub fn f{0}(a: u8) -> u8 {{\n    match a {{ 1 => g({0}), _ => a }}\n}}",
}
_FUNCTIONS |= dict.fromkeys(("gts", "javascript", "typescript"), _FUNCTIONS["gjs"])
_HEADS = {"php": "<?php\n", "go": "package a\n\n"}


def texts_of(name: str) -> st.SearchStrategy[str]:
    """Samples of a language one behind another, cut anywhere, with other line ends in them."""
    small = SMALL_SAMPLES[name]
    samples = [small, SAMPLES[name].text] if name in SAMPLES else [small]
    scraps = st.builds(
        lambda sample, line_end, start, kept, between: (
            sample[start : start + kept].replace("\n", line_end) + between
        ),
        st.sampled_from(samples),
        st.sampled_from(_LINE_ENDS),
        st.one_of(st.just(0), st.integers(0, 400)),
        st.one_of(st.just(10_000), st.integers(0, 400)),
        st.sampled_from(_BETWEEN),
    )
    return st.lists(scraps, min_size=1, max_size=6).map("".join)


def assert_promises(text: str, chunks: Sequence[Chunk], chunk_chars: int) -> None:
    """Every character that is not blank is in one chunk, and each chunk where it says it is."""
    at = 0
    for chunk in chunks:
        assert chunk.text.strip()
        assert len(chunk.text) <= chunk_chars
        at = _start_of(chunk, text, at)
        assert text.startswith(chunk.text, at)
        assert chunk.start_line == _line(text, at)
        at += len(chunk.text)
        assert chunk.end_line == _line(text, at - 1)
    assert not text[at:].strip()


def _start_of(chunk: Chunk, text: str, end: int) -> int:
    """Where a chunk starts, if nothing but blanks stands between it and the one before."""
    shown = len(text) - len(text[end:].lstrip())
    start = shown - (len(chunk.text) - len(chunk.text.lstrip()))
    assert start >= end
    return start


def _line(text: str, at: int) -> int:
    """The line of a character as editors count: only LF, CRLF and CR end one."""
    return 1 + sum(match.end() <= at for match in _LINE_END.finditer(text))


def assert_chunks_of_any_text_keep_their_promises(name: str, examples: int) -> None:
    language = language_named(name)

    @settings(max_examples=examples, deadline=None)
    @given(text=texts_of(name), chunk_chars=_BOUNDS)
    def keeps_them(text: str, chunk_chars: int) -> None:
        analysis = language.analyse(key_of(language), text, chunk_chars=chunk_chars)
        assert_promises(text, analysis.chunks, chunk_chars)

    keeps_them()


@pytest.mark.parametrize("name", LANGUAGES)
def test_nothing_is_lost_or_doubled_and_every_chunk_has_the_lines_of_its_text(name: str) -> None:
    assert_chunks_of_any_text_keep_their_promises(name, 30)


@pytest.mark.long
@pytest.mark.parametrize("name", LANGUAGES)
def test_nothing_is_lost_or_doubled_in_many_more_texts(name: str) -> None:
    assert_chunks_of_any_text_keep_their_promises(name, 2_000)


def assert_functions_that_fit_are_whole(language: Language, examples: int) -> None:
    form, head = _FUNCTIONS[language.name], _HEADS.get(language.name, "")
    between = st.sampled_from(["\n", "\n\n", "\n\f\n", "\n" + " " * 40 + "\n", "\n\n\n\n"])

    @settings(max_examples=examples, deadline=None)
    @given(
        gaps=st.lists(between, min_size=1, max_size=12),
        line_end=st.sampled_from(_LINE_ENDS[:2]),
        room=st.integers(0, 200),
    )
    def are_whole(gaps: list[str], line_end: str, room: int) -> None:
        functions = [form.format(number).replace("\n", line_end) for number in range(len(gaps))]
        gaps = [gap.replace("\n", line_end) for gap in gaps]
        text = head + "".join(map("".join, zip(functions, gaps, strict=True)))
        longest = max(map(len, functions))
        chunks = language.analyse(key_of(language), text, chunk_chars=longest + room).chunks
        for function in functions:
            assert sum(function in chunk.text for chunk in chunks) == 1

    are_whole()


@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_a_function_that_fits_is_whole(name: str) -> None:
    assert_functions_that_fit_are_whole(language_named(name), 20)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(_FUNCTIONS))
def test_a_function_that_fits_is_whole_among_many_more(name: str) -> None:
    assert_functions_that_fit_are_whole(language_named(name), 1_000)


def test_a_small_rest_leaves_no_chunk_of_nothing_but_blanks_behind() -> None:
    text = "\n\x1c" + " " * 42 + "\nx = 1;\n" * 3 + "y\n"
    chunks = language_named("c").analyse("a.c", text, chunk_chars=67).chunks
    assert_promises(text, chunks, 67)
