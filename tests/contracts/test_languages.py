"""What every language promises, whatever it is given."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.languages import LANGUAGES, Analysis, Language, language_named

_SAMPLES = {
    "card": '{"data": {"type": "card", "meta": {"adoptsFrom": {"module": "./a", "name": "A"}}}}\n',
    "gjs": "import a from './c'\nexport class E extends a { <template>{{@x}} it's</template> }\n",
    "gts": "import {a} from './a'\nexport class E extends a { @field b = contains(a) }\n"
    "<template>x</template>\n",
    "python": "import a.b as c\n\n\n@d\nclass A(c.B):\n    x: int = 1\n\n    def f(self): ...\n",
    "javascript": "import {a} from './c'\n//d\nexport class E extends a { f() { return `${1}` }}\n",
    "typescript": "import type {A} from './a'\nexport interface B<T> extends A { c?: T }\n",
    "c": '#include "a.h"\n/* b */\nstatic int c(char *d);\nstruct e { int f; } g = { 1 };\n',
    "cpp": "#include <a.hpp>\n// b\ntemplate<class T> class C : D<T> { public: C(); };\n",
    "csharp": "using A.B;\n\n// c\nnamespace D { class E : F { int G { get; } void H() { } } }\n",
    "go": 'package a\n\nimport b "c.d/e"\n\n// F g.\nfunc F(x b.C) error { return nil }\n',
    "go-module": "module a.b/c\n\nreplace d => ../e\n",
    "java": "package a.b;\n\nimport c.D;\n\n/** e */\nclass F extends D { int g() { h(); } }\n",
    "markdown": "# One\n\n[a](b.md)\n\n```py\nx\n```\n\nTwo\n---\n\n- c\n",
    "json": '{"a": [1, {"b": null}], "c": "x"}\n',
    "yaml": "a: &x\n  - b: 1\n# c\nd: *x\n---\ne: |\n  f\n",
    "toml": 'a = 1\n[b.c]\nd = [1, 2]\n[[e]]\nf = "g"\n',
    "openapi-operation": (
        "GET /a\noperationId: b\n  Prose: of it.\nresponse 200\n  c/d: @E\n"
        "uses @E s/E.openapi-schema\n"
    ),
    "openapi-schema": 'schema "a b"?: object\n  c\nfield d?: @E[]\nuses @E s/E.openapi-schema\n',
    "php": "<?php\nnamespace A;\nuse B\\C;\n// d\nclass E extends C { public int $f = 1; }\n",
    "ruby": "require 'a/b'\n\n# c\nclass D < E\n  attr_reader :f\n  def g(h = 1) = h\nend\n",
    "rust": "use crate::a;\n//b\n#[c]\nstruct D<'a> { e: &'a str }\nimpl D<'_> { fn f() {} }\n",
    "text": "One line.\n\nAnother paragraph\nof two lines.\n",
}


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


def key_of(language: Language) -> str:
    return "folder/name" + min(language.suffixes, default=".json")


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
    text = _SAMPLES[language.name]
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
    text = _SAMPLES[language.name]
    analysis = language.analyse(key_of(language), text, chunk_chars=1200)
    assert analysis.diagnostics == ()
    assert [chunk.text.strip() for chunk in analysis.chunks] == [text.strip()]


def test_the_same_text_gives_the_same_answer(language: Language) -> None:
    text, key = _SAMPLES[language.name], key_of(language)
    first, second = (language.analyse(key, text, chunk_chars=20) for _ in range(2))
    assert first == second


def test_comments_and_blank_lines_move_declarations_but_do_not_change_them(
    language: Language,
) -> None:
    text, key = _SAMPLES[language.name], key_of(language)
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
    references = language.analyse(key, _SAMPLES[language.name], chunk_chars=1200).references
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
