"""How Markdown, JSON, YAML, TOML and plain text are cut, and what they refer to."""

import pytest

from engine.languages import Chunk, Resolution, language_of


def chunks(key: str, text: str, chunk_chars: int = 1200) -> tuple[Chunk, ...]:
    return language_of(key).analyse(key, text, chunk_chars=chunk_chars).chunks


def cut(key: str, text: str, chunk_chars: int) -> list[tuple[str, str]]:
    return [(chunk.symbol, chunk.text) for chunk in chunks(key, text, chunk_chars)]


class Files(frozenset[str]):
    def read(self, key: str) -> str | None:
        raise AssertionError(f"{key} was read")


def resolution(text: str, key: str, *files: str) -> Resolution:
    language = language_of(key)
    references = language.analyse(key, text, chunk_chars=1200).references
    return language.resolve(references, key, Files(files))


MARKDOWN = """\
# Install

Take the wheel.

## Linux

```sh
pip install it

# not a heading
```

Windows
-------

It works.
"""


def test_a_section_of_markdown_carries_the_path_of_its_headings() -> None:
    assert cut("a.md", MARKDOWN, 60) == [
        ("Install", "# Install\n\nTake the wheel."),
        ("Install > Linux", "## Linux\n\n```sh\npip install it\n\n# not a heading\n```"),
        ("Install > Windows", "Windows\n-------\n\nIt works."),
    ]


def test_fenced_code_is_kept_whole_if_it_fits() -> None:
    text = "word " * 23 + "\n\n```\none\n\ntwo\n```\n" + "word " * 20
    assert any("```\none\n\ntwo\n```" in chunk.text for chunk in chunks("a.md", text, 40))


def test_front_matter_tables_and_rules_are_no_headings() -> None:
    text = "---\ntitle: x\n---\n\n| a |\n|---|\n| 1 |\n\n- a\n---\n\none\ntwo\n---\n#tag\n"
    assert {chunk.symbol for chunk in chunks("a.md", text, 20)} == {""}


def test_a_very_long_heading_makes_no_very_long_symbol() -> None:
    assert len(chunks("a.md", "# " + "x" * 100_000 + "\n\ntext\n", 1200)[-1].symbol) <= 120


def test_relative_links_of_markdown_lead_to_files() -> None:
    text = """
[one](../a.md#part) ![two](<my image.png> "title") [three]: no
[four][ref] <img src="img/x.svg"> [five](/top.md) [six](guide/) [seven](page) [self](b.md)
[web](https://example.org/a.md) [mail](mailto:x@y.z) [part](#part) [up](../../../x.md)

[ref]: ./c%20d.md 'title'

```
[code](nowhere.md)
```
"""
    files = ("a.md", "docs/b.md", "docs/my image.png", "docs/img/x.svg", "docs/c d.md", "top.md")
    found = resolution(text, "docs/b.md", *files, "docs/guide/README.md", "docs/page.md")
    assert {link.key for link in found.links} == {
        *("a.md", "docs/my image.png", "docs/img/x.svg", "docs/c d.md", "top.md"),
        *("docs/guide/README.md", "docs/page.md"),
    }
    assert "docs/nowhere.md" not in found.probes
    assert {link.key for link in found.links} <= set(found.probes)


def test_what_a_link_does_not_find_is_a_probe() -> None:
    assert resolution("[x](y.md)", "a.md").probes == ("y.md",)
    assert resolution("[x](y)", "a.md").probes == ("y", "y.md", "y/README.md", "y/index.md")


def test_json_is_cut_by_its_keys() -> None:
    text = '{\n  "name": "x",\n  "scripts": {\n    "build": "make all the things"\n  }\n}\n'
    assert [symbol for symbol, _ in cut("package.json", text, 45)] == ["", "scripts", "scripts"]


def test_yaml_is_cut_by_indentation_with_the_comments_above() -> None:
    text = "one: 1\n# about two\ntwo:\n- a: &x 1\n- b: *x\nthree:\n  four: [1, 2]\n"
    assert cut("a.yml", text, 39) == [
        ("one", "one: 1"),
        ("two", "# about two\ntwo:\n- a: &x 1\n- b: *x"),
        ("three", "three:\n  four: [1, 2]"),
    ]


def test_toml_is_cut_by_its_tables() -> None:
    text = 'a = 1\n\n[tool.x]\nb = "text"\n\n[[tool.y]]\nc = "other text"\n'
    assert [symbol for symbol, _ in cut("pyproject.toml", text, 30)] == ["", "tool.y"]


@pytest.mark.parametrize(
    ("key", "text"), [("a.json", '{"a": [1, }'), ("a.toml", "a = = 1\n[x\n"), ("a.json", "<html>")]
)
def test_what_is_malformed_is_a_diagnostic(key: str, text: str) -> None:
    analysis = language_of(key).analyse(key, text, chunk_chars=1200)
    assert analysis.diagnostics == ("syntax error near line 1",)
    assert analysis.chunks[0].text == text.strip()


@pytest.mark.parametrize("key", ["a.json", "a.yaml", "a.toml", "a.md", "a.txt"])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "- " * 50_000 + "x",
        "".join(" " * depth + "a:\n" for depth in range(1400)),
        ">" * 100_000,
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
        '{"' + "x" * 500_000 + '": 1}',
        "](" * 20_000,
        "`" * 100_000,
        "\n" * 100_000,
    ],
    ids=[
        "brackets",
        "braces",
        "dashes",
        "indented",
        "quotes",
        "bomb",
        "key",
        "links",
        "ticks",
        "blank",
    ],
)
def test_hostile_documents_are_cut_like_others(key: str, text: str) -> None:
    found = chunks(key, text)
    assert sum(map(len, ("".join(chunk.text.split()) for chunk in found))) == len(
        "".join(text.split())
    )
    assert max((len(chunk.symbol) for chunk in found), default=0) <= 400
