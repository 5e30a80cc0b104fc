"""How often does a search find the function that a sentence describes?

The sentence is the first one of a docstring, the document is the function without its
docstring. `kept` is indexed as the engine does, with symbol and path; `masked` has the
function's own name replaced and neither symbol nor path. The commonest words that the
embedders weigh down were counted in the standard library among others, so read its row
beside one over a collection of your own (`--source`).
"""

import argparse
import ast
import random
import re
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import asyncpg
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from engine.embedders import Vectors, open_embedder
from engine.index.embedded import embedded_postgres
from engine.index.terms import encode_tsvector, query_terms, tsquery_text

DEPTH = 10

TABLE = """
    CREATE TEMP TABLE chunks (
        id integer PRIMARY KEY, terms tsvector, local halfvec(256), hashed halfvec(256)
    );
    CREATE INDEX ON chunks USING gin (terms);
"""

# Each term counts by how rare it is here; one that a fifth of all chunks have is dropped,
# unless there is none rarer. A similarity counts by how far it stands out from all others.
WEIGHED = """
    WITH near AS MATERIALIZED (
        SELECT id, 1 - ({embedder} <=> $1) AS similarity FROM chunks
    ),
    spread AS MATERIALIZED (
        SELECT count(*) AS chunks, avg(similarity) AS mean,
            nullif(stddev_pop(similarity), 0) AS deviation
        FROM near
    ),
    counted AS MATERIALIZED (
        SELECT term, count(*) AS found
        FROM unnest($2::text[]::tsquery[]) AS term
        JOIN chunks ON terms @@ term
        GROUP BY term
    ),
    telling AS MATERIALIZED (
        SELECT term, ln(1 + (chunks - found + 0.5) / (found + 0.5))::real AS weight
        FROM (SELECT term, found, min(found) OVER () AS rarest FROM counted) AS ranked, spread
        WHERE found <= greatest(0.2 * chunks, rarest)
    ),
    worded AS MATERIALIZED (
        SELECT id, sum(weight * ts_rank('{{0.5, 0.5, 0.5, 1}}', terms, term, 1)) AS rank
        FROM telling
        JOIN chunks ON terms @@ term
        GROUP BY id
    )
    SELECT id
    FROM near
    LEFT JOIN worded USING (id)
    CROSS JOIN spread
    ORDER BY {text} * coalesce(rank / max(rank) OVER (), 0)
        + {vector} * coalesce((similarity - mean) / deviation, 0) DESC, id
    LIMIT 10
"""

# What Postgres offers by itself: no word is rarer than another, names weigh ten times as much.
PLAIN = """
    SELECT id FROM chunks, unnest(ARRAY[array_to_string($2::text[], ' | ')::tsquery]) AS asked
    WHERE terms @@ asked AND $1::halfvec IS NOT NULL
    ORDER BY ts_rank(terms, asked, 1) DESC, id
    LIMIT 10
"""

RECIPROCAL = """
    WITH near AS (
        SELECT id, row_number() OVER (ORDER BY {embedder} <=> $1, id) AS place FROM chunks
        ORDER BY place LIMIT 100
    ),
    worded AS (
        SELECT id, row_number() OVER (
            ORDER BY ts_rank('{{0.5, 0.5, 0.5, 1}}', terms, asked, 1) DESC, id
        ) AS place
        FROM chunks, unnest(ARRAY[array_to_string($2::text[], ' | ')::tsquery]) AS asked
        WHERE terms @@ asked
        ORDER BY place LIMIT 100
    )
    SELECT id
    FROM (SELECT * FROM near UNION ALL SELECT * FROM worded) AS placed
    GROUP BY id
    ORDER BY sum(1.0 / (10 + place)) DESC, id
    LIMIT 10
"""

RANKINGS = {
    "text, ts_rank as it comes": (PLAIN, "local"),
    "text, weighed": (WEIGHED.format(embedder="local", text=1, vector=0), "local"),
    "vector, hashed": (WEIGHED.format(embedder="hashed", text=0, vector=1), "hashed"),
    "vector, local": (WEIGHED.format(embedder="local", text=0, vector=1), "local"),
    "both, reciprocal rank, k = 10": (RECIPROCAL.format(embedder="local"), "local"),
    "both, hashed, vector at 0.05": (
        WEIGHED.format(embedder="hashed", text=1, vector=0.05),
        "hashed",
    ),
    "both, local, vector at 0.15": (WEIGHED.format(embedder="local", text=1, vector=0.15), "local"),
    "both, local, vector at 0.3": (WEIGHED.format(embedder="local", text=1, vector=0.3), "local"),
}


@dataclass(frozen=True, slots=True)
class Function:
    path: str
    symbol: str
    sentence: str
    text: str

    def masked(self) -> "Function":
        name = re.escape(self.symbol.rpartition(".")[2])
        return Function("", "", self.sentence, re.sub(rf"\b{name}\b", "f", self.text))


async def main() -> None:
    options = parsed_options()
    functions = collected(options.source)
    random.Random(options.seed).shuffle(functions)
    for size in options.documents:
        for kind in ("kept", "masked"):
            documents = functions[:size]
            if kind == "masked":
                documents = [function.masked() for function in documents]
            await compare(documents, options, kind)


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", help="a Postgres with pgvector; by default the embedded one")
    parser.add_argument("--source", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--documents", type=int, nargs="+", default=[300, 3969])
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def collected(source: Path) -> list[Function]:
    """The documented functions of a folder, tests and installed packages left out."""
    found: dict[str, Function] = {}
    for path in sorted(source.rglob("*.py")):
        key = path.relative_to(source).as_posix()
        if not re.search(r"(^|/)(tests?|site-packages|idlelib|lib2to3)/", key):
            for function in documented(key, path):
                found.setdefault(function.sentence, function)
    return list(found.values())


def documented(key: str, path: Path) -> Iterator[Function]:
    try:
        source = path.read_text()
        waiting = [(node, "") for node in ast.parse(source).body]
    except (UnicodeDecodeError, SyntaxError):
        return
    lines = source.splitlines(keepends=True)
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, ast.ClassDef):
            waiting += [(inner, f"{prefix}{node.name}.") for inner in node.body]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and len(node.body) > 1:
            sentence = first_sentence(ast.get_docstring(node) or "")
            if len(sentence.split()) > 3:
                doc = node.body[0]
                rest = (
                    lines[node.lineno - 1 : doc.lineno - 1]
                    + lines[doc.end_lineno : node.end_lineno]
                )
                yield Function(key, prefix + node.name, sentence, "".join(rest))


def first_sentence(doc: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s|\n\n", doc.strip(), maxsplit=1)[0].split())


async def compare(documents: Sequence[Function], options: argparse.Namespace, kind: str) -> None:
    sentences = [function.sentence for function in documents[: options.queries]]
    print(f"\n{len(sentences)} queries, {len(documents)} documents, names {kind}")
    print(f"{'':32} {'MRR@10':>8} {'(95 %)':>15} {'recall@10':>10} {'(95 %)':>15}")
    async with loaded(documents, options.dsn) as connection:
        asked = {name: await embedded(name, sentences) for name in ("local", "hashed")}
        for label, (statement, embedder) in RANKINGS.items():
            places = [
                await place(connection, statement, sentence, vector, wanted)
                for wanted, (sentence, vector) in enumerate(
                    zip(sentences, asked[embedder], strict=True)
                )
            ]
            print(f"{label:32} {interval(reciprocal(places))} {interval(np.isfinite(places))}")


@asynccontextmanager
async def loaded(
    documents: Sequence[Function], dsn: str | None
) -> AsyncIterator[asyncpg.Connection]:
    async with server(dsn) as address:
        connection = await asyncpg.connect(address)
        try:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            await connection.execute(TABLE)
            await register_vector(connection)
            await connection.set_type_codec(
                "tsvector", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
            )
            await connection.copy_records_to_table("chunks", records=await rows(documents))
            await connection.execute("ANALYZE chunks")
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def server(dsn: str | None) -> AsyncIterator[str]:
    if dsn:
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="widthwise-") as home:
        async with embedded_postgres(Path(home)) as address:
            yield address


async def rows(documents: Sequence[Function]) -> list[tuple[object, ...]]:
    texts = [f"{document.symbol}\n{document.text}" for document in documents]
    local, hashed = await embedded("local", texts), await embedded("hashed", texts)
    terms = [
        encode_tsvector(body=document.text, symbol=document.symbol, path=document.path)
        for document in documents
    ]
    ids = range(len(documents))
    return list(zip(ids, terms, map(HalfVector, local), map(HalfVector, hashed), strict=True))


async def embedded(name: str, texts: Sequence[str]) -> Vectors:
    return await open_embedder(name).embed(texts)


async def place(
    connection: asyncpg.Connection, statement: str, sentence: str, vector: Vectors, wanted: int
) -> float:
    """Where the document stands among the first ten, from 1, or infinity."""
    terms = [tsquery_text([term]) for term in query_terms(sentence)]
    found = [row["id"] for row in await connection.fetch(statement, HalfVector(vector), terms)]
    return found.index(wanted) + 1 if wanted in found else float("inf")


def reciprocal(places: Sequence[float]) -> NDArray[np.float64]:
    return 1 / np.array(places)


def interval(values: NDArray[np.float64] | NDArray[np.bool_]) -> str:
    """The mean, and where 95 % of the means of resampled queries lie."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{values.mean():>9.3f} {f'{low:.3f}-{high:.3f}':>15}"


if __name__ == "__main__":
    anyio.run(main)
