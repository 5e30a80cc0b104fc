"""What chunking promises for any tree and any text, and what it does with Python's."""

import pytest
import tree_sitter_python
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser

from engine.languages.chunks import Piece, Span, as_chunks, chunk_text, chunk_tree
from engine.languages.ruler import Ruler

_PYTHON = Language(tree_sitter_python.language())

_SCRAPS = (
    *(
        "def f(x):\n    return x\n",
        "class A:\n    y = 1\n\n    def g(self): ...\n",
        "@d\n",
        "# why\n",
    ),
    *(
        '"""a text\n\nof paragraphs\n"""\n',
        "x = [1, 2, 3]\n",
        "if x:\n    ",
        "\n\n",
        "é = '\N{SNOWMAN}'\n",
    ),
    *(
        "(",
        ")",
        "'",
        '"""',
        "\\",
        "\t",
        "\r\n",
        "\r",
        "\N{NO-BREAK SPACE}",
        "\x1c",
        "\N{GRINNING FACE}",
    ),
)
_TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(_SCRAPS), max_size=40).map("".join))
_BOUNDS = st.integers(1, 80)


def parsed(text: str) -> Node:
    return Parser(_PYTHON).parse(text.encode()).root_node


def pieces_of(text: str, chunk_chars: int, *spans: Span) -> list[Piece]:
    ruler = Ruler(text.encode())
    return chunk_tree(ruler, parsed(text), spans=spans, chunk_chars=chunk_chars)


def texts_of(text: str, chunk_chars: int, *spans: Span) -> list[str]:
    pieces = pieces_of(text, chunk_chars, *spans)
    return [chunk.text for chunk in as_chunks(Ruler(text.encode()), pieces)]


def definitions(text: str) -> list[Span]:
    found, todo = [], [parsed(text)]
    while todo:
        node = todo.pop()
        todo.extend(node.children)
        if node.type in {"function_definition", "class_definition"}:
            name = node.child_by_field_name("name")
            outer = node.parent if node.parent and "decorated" in node.parent.type else node
            label = name.text.decode() if name and name.text else "?"
            found.append(Span(outer.start_byte, outer.end_byte, label, node.type[:5]))
    return found


def assert_promises(text: str, pieces: list[Piece], chunk_chars: int) -> None:
    source = text.encode()
    end = 0
    for piece in pieces:
        assert not source[end : piece.start].decode().strip()
        cut = source[piece.start : piece.end].decode()
        assert cut.strip()
        assert len(cut) <= chunk_chars
        end = piece.end
    assert not source[end:].decode().strip()


@given(text=_TEXTS, chunk_chars=_BOUNDS)
def test_every_character_that_is_not_blank_is_in_exactly_one_bounded_chunk(
    text: str, chunk_chars: int
) -> None:
    pieces = pieces_of(text, chunk_chars, *definitions(text))
    assert_promises(text, pieces, chunk_chars)


@given(text=_TEXTS, chunk_chars=_BOUNDS)
def test_a_text_without_a_tree_keeps_the_same_promises(text: str, chunk_chars: int) -> None:
    assert_promises(text, chunk_text(Ruler(text.encode()), chunk_chars=chunk_chars), chunk_chars)


@given(text=_TEXTS, chunk_chars=_BOUNDS)
def test_lines_are_those_that_an_editor_shows(text: str, chunk_chars: int) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ruler = Ruler(text.encode())
    for chunk in as_chunks(ruler, pieces_of(text, chunk_chars)):
        shown = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        assert chunk.text.replace("\r\n", "\n").replace("\r", "\n") in shown


@given(text=_TEXTS, chunk_chars=_BOUNDS)
def test_a_definition_that_fits_is_kept_whole(text: str, chunk_chars: int) -> None:
    source, spans = text.encode(), definitions(text)
    pieces = pieces_of(text, chunk_chars, *spans)
    for span in spans:
        if len(source[span.start : span.end].decode()) <= chunk_chars:
            body = source[span.start : span.end].rstrip()
            homes = [p for p in pieces if p.start < span.start + len(body) and p.end > span.start]
            assert len(homes) == 1


def test_small_definitions_share_a_chunk_and_its_symbol_is_what_is_around_them() -> None:
    text = "class A:\n" + "".join(f"    def f{i}(self):\n        return {i}\n\n" for i in range(6))
    pieces = pieces_of(text, 90, *definitions(text))
    assert len(pieces) == 3
    assert {piece.symbol for piece in pieces} == {"A"}


def test_a_function_that_is_too_large_is_cut_between_its_statements() -> None:
    text = (
        "x = 'a text'\n\ndef f():\n"
        + "".join(f"    call({i}, 'some text')\n" for i in range(9))
        + "y = 2\n"
    )
    texts = texts_of(text, 80, *definitions(text))
    assert texts[0] == "x = 'a text'"
    assert texts[1].startswith("def f():\n    call(0,")
    assert all(line.endswith("')") for cut in texts[1:-1] for line in cut.splitlines()[1:])
    assert texts[-1] == "y = 2"


def test_comments_and_decorators_stay_with_the_definition_below_them() -> None:
    filler = "x = '" + "-" * 40 + "'  # behind x\n"
    text = filler + "# about f\n@decorated\ndef f(): ...\n\n\n# alone\n\n" + filler
    texts = texts_of(text, 60, *definitions(text))
    assert texts == [
        filler.strip(),
        "# about f\n@decorated\ndef f(): ...\n\n\n# alone",
        filler.strip(),
    ]


def test_a_definition_with_its_comment_carries_its_symbol() -> None:
    text = "x = '" + "-" * 40 + "'\n# about f\ndef f(): ...\n"
    assert [piece.symbol for piece in pieces_of(text, 50, *definitions(text))] == ["", "f"]


def test_a_chunk_starts_with_its_indentation() -> None:
    text = "class A:\n" + "".join(f"    def f{i}(self): return {i} * 1000\n" for i in range(4))
    assert texts_of(text, 50, *definitions(text))[1] == "    def f1(self): return 1 * 1000"


def test_a_small_rest_of_a_function_takes_statements_over_from_the_chunk_before() -> None:
    text = "def f():\n" + "    call('some text')\n" * 4 + "    return 1\n"
    texts = texts_of(text, 100, *definitions(text))
    assert texts[-1] == "    call('some text')\n    return 1"


def test_one_very_long_line_is_cut_at_tokens() -> None:
    text = "x = [" + ", ".join(str(number) for number in range(20_000)) + "]"
    texts = texts_of(text, 1200)
    assert len(texts) < 2 * len(text) / 1200
    assert all(cut.rstrip(",]").split()[-1].strip("[").isdigit() for cut in texts)


def test_one_string_of_a_megabyte_is_cut_at_words() -> None:
    text = "x = '" + "some words " * 90_000 + "'"
    assert {word for cut in texts_of(text, 1200) for word in cut.split()} == {
        *("x", "=", "'some", "some", "words", "'")
    }


def test_a_word_of_a_megabyte_is_cut_between_characters() -> None:
    text = "\N{SNOWMAN}" * 300_000
    assert {len(cut) for cut in texts_of(text, 1200)} == {1200}


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "(" * 10_000 + "x" + ")" * 10_000, "[" * 50_000 + "x"]
)
def test_deep_nesting_needs_no_deep_stack(text: str) -> None:
    assert_promises(text, pieces_of(text, 1200), 1200)


def test_a_bound_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 0 characters"):
        pieces_of("x", 0)


def test_closing_marks_go_with_what_they_close_and_leave_its_symbol() -> None:
    text = "x = [\n    " + "'some words', " * 5 + "\n    [" + "'other words', " * 9 + "],\n]\n"
    texts = texts_of(text, 60)
    assert texts[-1].endswith("],\n]")
    assert not any(cut.strip("[]\n ,") == "" for cut in texts)
