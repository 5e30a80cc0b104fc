"""How often does a search find what a question is about, and what does each choice add?

`docstrings`: the question is the first sentence of a docstring, the document the function
without it. `kept` is indexed as the engine does, with symbol and path; `masked` has the
function's own name replaced and neither symbol nor path. `questions`: those of
search_questions.toml on the sdist of Django 5.2, unpacked, indexed as any folder is; what is
found are files. The commonest words that the embedders weigh down were counted in the
standard library and in Django, so their vectors look a little better here than elsewhere.
"""

import argparse
import random
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import asyncpg
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Panel, Result, Row, add_options, publish, question
from benchmarks.search_bm25 import BM25
from benchmarks.search_documents import Function, collected
from benchmarks.search_index import Index, filled, indexed
from benchmarks.search_rankings import FILES, FUNCTIONS, Places, Rankings, places_of
from engine.index.database import open_database
from engine.index.embedded import embedded_postgres

QUESTIONS = Path(__file__).with_name("search_questions.toml")


@dataclass(frozen=True, slots=True)
class Line:
    """A ranking's row: means, where 95 % of resampled means lie, and the same of the
    difference to the engine's own, question by question."""

    label: str
    mrr: tuple[float, float, float]
    recall: tuple[float, float, float]
    difference: tuple[float, float, float]


async def main() -> None:
    options = parsed_options()
    async with (
        server(options.dsn) as address,
        open_database(dsn=address, home=Path()) as database,
    ):
        ask = of_docstrings if options.kind == "docstrings" else of_questions
        tables = [table async for table in ask(options, address, database.pool)]
    publish(result(tables), options)


def result(tables: Sequence[tuple[str, Sequence[Line]]]) -> Result:
    """One row for each ranking of each table; `low` and `high` are where 95 % of means lie."""
    rows: list[Row] = [
        {
            "asked": title,
            "ranking": line.label,
            **_spread("mrr", line.mrr),
            **_spread("recall", line.recall),
            **_spread("to_hybrid", line.difference),
        }
        for title, lines in tables
        for line in lines
    ]
    panels = [
        Panel(
            title=title,
            rows=[row for row in rows if row["asked"] == title],
            x="ranking",
            y="mrr",
            kind="bars",
        )
        for title, _ in tables
    ]
    return Result(name="search_quality", question=question(__doc__), rows=rows, panels=panels)


def _spread(name: str, values: tuple[float, float, float]) -> Row:
    mean, low, high = (round(value, 4) for value in values)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("kind", choices=("docstrings", "questions"))
    parser.add_argument("--dsn", help="an empty Postgres with pgvector; else the embedded one")
    parser.add_argument("--source", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--documents", type=int, nargs="+", default=[300, 3969])
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--embedder", default="local")
    parser.add_argument("--seed", type=int, default=0)
    add_options(parser)
    return parser.parse_args()


@asynccontextmanager
async def server(dsn: str | None) -> AsyncIterator[str]:
    if dsn:
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="widthwise-") as home:
        async with embedded_postgres(Path(home)) as address:
            yield address


async def of_docstrings(
    options: argparse.Namespace, address: str, pool: asyncpg.Pool
) -> AsyncIterator[tuple[str, list[Line]]]:
    functions = collected(options.source)
    random.Random(options.seed).shuffle(functions)
    for size in options.documents:
        for kind in ("kept", "masked"):
            documents = functions[:size]
            if kind == "masked":
                documents = [function.masked() for function in documents]
            index = await filled(pool, f"{kind}{size}", documents, options.embedder)
            questions = [function.sentence for function in documents[: options.queries]]
            right = [{index.key_of(at)} for at in range(len(questions))]
            title = f"{len(questions)} sentences, {len(documents)} functions, names {kind}"
            yield (
                title,
                await table(pool, FUNCTIONS, index, title, questions, right, texts(documents)),
            )


def texts(documents: Sequence[Function]) -> list[str]:
    return [f"{each.path}\n{each.symbol}\n{each.text}" for each in documents]


async def of_questions(
    options: argparse.Namespace, address: str, pool: asyncpg.Pool
) -> AsyncIterator[tuple[str, list[Line]]]:
    asked = tomllib.loads(QUESTIONS.read_text("utf-8"))["questions"]
    index = await indexed(address, pool, options.source, options.embedder)
    questions, right = [each["text"] for each in asked], [set(each["files"]) for each in asked]
    for label, path in (("all files", None), ("django/** only", "django/**")):
        narrowed = index.narrowed(path)
        chunks = await narrowed.chunks(pool)
        title = f"{len(questions)} questions, {len(chunks)} chunks, {label}"
        narrowed = narrowed.with_keys([key for key, _ in chunks])
        bodies = [f"{key}\n{text}" for key, text in chunks]
        yield title, await table(pool, FILES, narrowed, title, questions, right, bodies)


async def table(
    pool: asyncpg.Pool,
    rankings: Rankings,
    index: Index,
    title: str,
    questions: Sequence[str],
    right: Sequence[set[str]],
    bodies: Sequence[str],
) -> list[Line]:
    print(f"{title}: asking", file=sys.stderr, flush=True)
    bm25 = BM25(bodies)
    found = {"BM25": [places_of(map(index.key_of, bm25.best(each, 200))) for each in questions]}
    found |= await rankings.answers(pool, index, questions)
    places = {label: in_first_ten(each, right) for label, each in found.items()}
    return [line(label, each, places["hybrid"]) for label, each in places.items()]


def in_first_ten(found: Sequence[Places], right: Sequence[set[str]]) -> NDArray[np.float64]:
    """The reciprocal of the place of the first right key, for each question."""
    firsts = [
        min((keys.index(key) + 1 for key in wanted if key in keys), default=np.inf)
        for keys, wanted in zip(found, right, strict=True)
    ]
    return 1 / np.array(firsts, float)


def line(label: str, reciprocal: NDArray[np.float64], own: NDArray[np.float64]) -> Line:
    return Line(label, interval(reciprocal), interval(reciprocal > 0), interval(reciprocal - own))


def interval(values: NDArray[np.float64] | NDArray[np.bool_]) -> tuple[float, float, float]:
    """The mean, and where 95 % of the means of resampled questions lie."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


if __name__ == "__main__":
    anyio.run(main)
