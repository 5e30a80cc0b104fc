"""Terms are bounded, the same for texts and queries, and what Postgres would have read."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.index.terms import (
    COUNT_CAP,
    LEXEME_CHARS,
    QUERY_TERMS,
    encode_tsvector,
    query_terms,
    terms,
    tsquery_text,
)

CODE = st.text(st.sampled_from("aBcDeE_019.-/' \\\"\n\0é数据\U00020000\ud800"), max_size=400)
TEXTS = CODE | st.text(max_size=400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getUserName", ["get", "user", "name", "getusernam"]),
        ("get_user_names", ["get", "user", "name", "getusernam"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("django.db.models", ["django", "db", "model"]),
        ("a/path/to_file.py", ["path", "file", "tofil", "py"]),
        ("how are migrations ordered?", ["migrat", "order"]),
        ("utf8 x = 1 2048", ["utf", "utf8", "2048"]),
        ("naïveBayes", ["naïv", "bay", "naïvebay"]),
        ("数据库 pool", ["数据", "据库", "pool"]),
        ("数", ["数"]),
        ("3f2a9c0d11aa22ff33", ["3f2a9c0d11aa22ff33"]),
        ("__init__ _ __", ["init"]),
        ("the of and", []),
        ("'\\;--\0", []),
        ("", []),
    ],
)
def test_a_text_is_cut_the_way_code_means_it(text: str, expected: list[str]) -> None:
    assert list(terms(text)) == expected


def test_occurrences_are_counted_however_they_are_written() -> None:
    assert terms("user_name userName username")["usernam"] == 3


@given(TEXTS)
def test_a_text_has_every_term_that_it_asks_for_as_a_query(text: str) -> None:
    asked = query_terms(text)
    assert len(asked) <= QUERY_TERMS
    assert set(asked) <= terms(text).keys()


@given(TEXTS)
def test_lexemes_are_short_and_plain(text: str) -> None:
    for lexeme, count in terms(text).items():
        assert 0 < len(lexeme) <= LEXEME_CHARS
        assert lexeme.replace("\N{COMBINING DOT ABOVE}", "").isalnum()
        assert count > 0


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_case_changes_no_term_of_a_single_word(text: str) -> None:
    word = "".join(filter(str.isascii, filter(str.isalpha, text))).lower()
    assert list(terms(word)) == list(terms(word.capitalize()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=TEXTS, symbol=TEXTS, path=TEXTS)
async def test_postgres_reads_what_the_text_form_says(
    connection: asyncpg.Connection, body: str, symbol: str, path: str
) -> None:
    encoded = encode_tsvector(body=body, symbol=symbol, path=path)
    same = await connection.fetchval(
        "SELECT $1::tsvector = $2::text::tsvector", encoded, written(body, symbol, path)
    )
    assert same


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS)
async def test_a_text_is_found_by_itself_and_by_each_of_its_terms(
    connection: asyncpg.Connection, text: str
) -> None:
    encoded = encode_tsvector(body=text)
    asked = query_terms(text)
    found = await connection.fetchval(
        "SELECT $1::tsvector @@ $2::text::tsquery", encoded, tsquery_text(asked)
    )
    assert found == bool(asked)
    assert await connection.fetchval(
        "SELECT coalesce(bool_and($1::tsvector @@ t::tsquery), true) FROM unnest($2::text[]) t",
        encoded,
        [tsquery_text([term]) for term in asked],
    )


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(0x20000 + at) for at in range(40_000)) * 2,
        " ".join(chr(0x20000 + at) for at in range(40_000)),
        " ".join(f"{chr(0x4E00 + at // 200)}{chr(0x4E00 + at % 200)}x" for at in range(40_000)),
        " ".join(f"aB{at:x}" for at in range(40_000)),
        "A" * 5_000_000,
        "aB1" * 1_000_000,
        "word " * 1_000_000,
        "ﷺ" * 100_000,
    ],
    ids=["unspaced", "single", "mixed", "humps", "long", "blob", "repeated", "expanding"],
)
async def test_any_text_fits_postgres(connection: asyncpg.Connection, text: str) -> None:
    encoded = encode_tsvector(body=text, symbol=text, path=text)
    assert await connection.fetchval("SELECT length($1::tsvector)", encoded) > 0


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_any_lexeme_is_quoted_for_a_query(
    connection: asyncpg.Connection, lexemes: list[str]
) -> None:
    nodes = await connection.fetchval("SELECT numnode($1::text::tsquery)", tsquery_text(lexemes))
    assert nodes == max(0, 2 * len(lexemes) - 1)


@pytest.fixture
async def connection(dsn: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec(
        "tsvector", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
    )
    yield connection
    await connection.close()


def written(body: str, symbol: str, path: str) -> str:
    """The text form of the same `tsvector`."""
    weighted = ((terms(symbol), "A"), (terms(path), "B"), (terms(body), ""))
    lexemes: dict[str, list[str]] = {}
    for counts, weight in weighted:
        for lexeme, count in counts.items():
            lexemes.setdefault(lexeme, []).extend([weight] * min(count, COUNT_CAP))
    return " ".join(
        f"'{lexeme}':" + ",".join(f"{place}{weight}" for place, weight in enumerate(weights, 1))
        for lexeme, weights in lexemes.items()
    )
