"""What does an OpenAPI document cost, from scratch and after each kind of edit?

    python -m benchmarks.openapi [DOCUMENT] [--json FILE]

DOCUMENT is a path, for example api.github.com.json of the npm package @octokit/openapi
(`npm pack @octokit/openapi`); without one, a document of `--operations` is generated. Works
in an embedded Postgres of its own. The embedder hashes, and sleeps for `--batch-ms` with each
batch of 32, eight at once, as a provider would keep one waiting; 0 shows the engine alone.
Beside each change: a straight script, in a process of its own and with the same embedder, that
parses the document, writes out each operation and schema with what they refer to, and embeds all
of it, as it has to after every change. It stores nothing and can't be searched.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import psutil
import yaml

from benchmarks.results import Panel, Result, add_options, figures, publish, question
from benchmarks.results import Row as Figures
from engine import Engine, HashedEmbedder, Isolation, OpenApiCatalog, PassReport, Settings
from engine.embedders import Vectors

BATCH = 32
AT_ONCE = 8
MOST_CHARACTERS = 1_200
WORDS = (  # noqa: SIM905 - a list of words takes a line for each
    "account address animal archive author balance budget campaign category client comment "
    "contract course customer delivery design device document employee event expense flight"
).split()


@dataclass(frozen=True, slots=True)
class Row:
    """One change, and what it cost; `straight_seconds` is the script's for the same document."""

    change: str
    seconds: float
    visited: int
    cut_off: int
    deleted: int
    texts_embedded: int
    straight_seconds: float
    straight_texts: int

    @property
    def ratio(self) -> float:
        """How many times longer the script takes."""
        return self.straight_seconds / self.seconds


def generated(operations: int) -> dict[str, Any]:
    """A document whose schemas refer to each other, a few of them being widely used."""
    chosen = random.Random(1)
    names = [f"{WORDS[n % len(WORDS)]}-{n}" for n in range(max(operations // 2, 10))]
    schemas: dict[str, Any] = {}
    for at, name in enumerate(names):
        # To those before it, and most to the first ones.
        others = {names[int(at * chosen.random() ** 4)] for _ in range(3)} - {name}
        fields = {word: {"type": "string", "description": _prose(chosen)} for word in WORDS[:6]}
        links = {f"to-{other}": _reference(other) for other in sorted(others)}
        schemas[name] = {
            "type": "object",
            "description": _prose(chosen),
            "properties": fields | links,
        }
    paths = {}
    for number in range(operations):
        name = names[int(len(names) * chosen.random() ** 2)]
        content = {"application/json": {"schema": _reference(name), "example": {"id": number}}}
        paths[f"/{name}/{number}/{{id}}"] = {
            "get": {
                "operationId": f"{name}/get-{number}",
                "summary": _prose(chosen),
                "description": _prose(chosen),
                "responses": {"200": {"description": "Found.", "content": content}},
            }
        }
    return {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}


def _prose(chosen: random.Random) -> str:
    return " ".join(chosen.choices(WORDS, k=20)).capitalize() + "."


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def changes(spec: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done to the document, one after the other."""
    schemas, paths = spec["components"]["schemas"], spec["paths"]
    used = Counter(_named(spec))
    objects = [name for name, each in schemas.items() if each.get("properties")]
    wide = max(objects, key=lambda name: used[name])
    leaf = min(
        (name for name in objects if used[name] == 1 and not set(_named(schemas[name]))),
        default=min(objects, key=lambda name: used[name]),
    )
    yield "from scratch", lambda: None
    yield "nothing", lambda: None
    yield "a schema that many use", lambda: _add_field(schemas[wide])
    yield "a schema that one uses", lambda: _add_field(schemas[leaf])
    yield "one operation removed", lambda: paths.pop(next(iter(paths)))
    yield "a typo in a description", lambda: _mend(next(iter(paths.values())))


def _named(value: Any) -> Iterator[str]:
    """The component schemas that are named anywhere inside, each as often as it is."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            reference = each.get("$ref")
            if isinstance(reference, str):
                yield reference.rpartition("/")[2]
            todo += each.values()
        elif isinstance(each, list):
            todo += each


def _add_field(schema: dict[str, Any]) -> None:
    schema["properties"]["added-by-benchmark"] = {"type": "string"}


def _mend(path: dict[str, Any]) -> None:
    operation = next(each for each in path.values() if isinstance(each, dict))
    operation["description"] = f"Mended: {operation.get('description', '')}"


class Sleepy(HashedEmbedder):
    """Takes its time, as a provider does."""

    def __init__(self, batch_seconds: float) -> None:
        super().__init__()
        self._batch_seconds = batch_seconds
        self._at_once = anyio.CapacityLimiter(AT_ONCE)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        async with self._at_once:
            await anyio.sleep(self._batch_seconds)
        return await super().embed(texts)


async def straight(path: Path, embedder: HashedEmbedder) -> tuple[float, int]:
    """The script that somebody would write: its seconds, and how many texts it embeds."""
    began = time.monotonic()
    texts = list(_texts(load(path)))
    async with anyio.create_task_group() as tasks:
        for at in range(0, len(texts), BATCH):
            tasks.start_soon(embedder.embed, texts[at : at + BATCH])
    return time.monotonic() - began, len(texts)


async def _straight_alone(path: Path, batch_ms: float) -> tuple[float, int]:
    """In a process of its own, so that its memory is not counted as ours."""
    command = [sys.executable, "-m", "benchmarks.openapi", str(path)]
    done = await anyio.run_process(
        [*command, "--straight", "--batch-ms", str(batch_ms)], stderr=None
    )
    seconds, texts = json.loads(done.stdout)
    return seconds, texts


def _texts(spec: dict[str, Any]) -> Iterator[str]:
    schemas = spec["components"]["schemas"]
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if not isinstance(operation, dict):
                continue
            shown = {name: schemas.get(name) for name in sorted(set(_named(operation)))}
            yield from _cut(f"{method} {path} {json.dumps(operation)}")
            yield from _cut(json.dumps(shown))
    for name, schema in schemas.items():
        yield from _cut(f"{name} {json.dumps(schema)}")


def load(path: Path) -> Any:
    source = path.read_text()
    return json.loads(source) if path.suffix == ".json" else _load_yaml(source)


def _load_yaml(source: str) -> Any:
    return yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _cut(text: str) -> Iterator[str]:
    for at in range(0, len(text), MOST_CHARACTERS):
        yield text[at : at + MOST_CHARACTERS]


async def measure(
    spec: dict[str, Any], path: Path, home: Path, batch_ms: float
) -> tuple[list[Row], float]:
    """The rows, and what memory it took at its peak beside what the benchmark holds, in MB."""
    rows: list[Row] = []
    with _watched() as peak:
        settings = Settings(home=home, isolation=Isolation.INLINE, embed_concurrency=AT_ONCE)
        async with Engine.open(settings, embedder=Sleepy(batch_ms / 1000)) as engine:
            for change, make in changes(spec):
                make()
                await anyio.Path(path).write_text(json.dumps(spec))
                realm = await engine.add_realm("api", OpenApiCatalog(path), replace=True)
                began = time.monotonic()
                report = await (await realm.index()).finished()
                seconds = time.monotonic() - began
                rows.append(_row(change, report, seconds, *await _straight_alone(path, batch_ms)))
                print(f"{change}: {seconds:.2f} s", file=sys.stderr, flush=True)
    return rows, peak.megabytes


def _row(
    change: str, report: PassReport, seconds: float, straight_seconds: float, texts: int
) -> Row:
    return Row(
        change,
        round(seconds, 3),
        report.visited,
        report.cut_off,
        report.deleted,
        report.texts_embedded,
        round(straight_seconds, 3),
        texts,
    )


class _Peak:
    """The most memory that this process has while it is watched, above what it began with."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._most = self._process.memory_info().rss

    @property
    def megabytes(self) -> float:
        return round((self._most - self._before) / 1e6, 1)

    def look(self) -> None:
        self._most = max(self._most, self._process.memory_info().rss)


@contextmanager
def _watched() -> Iterator[_Peak]:
    peak, over = _Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def result(rows: Sequence[Row], *, notes: Sequence[str]) -> Result:
    found = [{**each, "ratio": row.ratio} for each, row in zip(figures(rows), rows, strict=True)]
    beside: list[Figures] = [
        {"change": row.change, "who": who, "seconds": seconds}
        for row in rows
        for who, seconds in (("widthwise", row.seconds), ("straight", row.straight_seconds))
    ]
    panels = [
        Panel(
            title="seconds after a change", rows=beside, x="change", y="seconds", series="who",
            kind="bars", log_y=True,
        ),
        Panel(
            title="texts embedded", rows=found, x="change", y="texts_embedded", kind="bars",
            log_y=True,
        ),
    ]  # fmt: skip
    return Result(
        name="openapi", question=question(__doc__), rows=found, panels=panels, notes=notes
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=question(__doc__))
    arguments.add_argument("document", nargs="?", type=Path)
    arguments.add_argument("--operations", type=int, default=1_000)
    arguments.add_argument("--batch-ms", type=float, default=20)
    add_options(arguments)
    arguments.add_argument("--straight", action="store_true", help="Run the script alone.")
    chosen = arguments.parse_args()
    if chosen.straight:
        print(json.dumps(anyio.run(straight, chosen.document, Sleepy(chosen.batch_ms / 1000))))
        return
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home:
        spec = load(chosen.document) if chosen.document else generated(chosen.operations)
        operations = sum(len(item) for item in spec["paths"].values())
        size = f"{operations} operations, {len(json.dumps(spec)) / 1e6:.1f} MB."
        path = Path(root) / "api.json"
        rows, peak = anyio.run(measure, spec, path, Path(home), chosen.batch_ms)
    memory = f"Memory at the peak, beside what the benchmark holds: {peak:.0f} MB."
    publish(result(rows, notes=(size, memory)), chosen)


if __name__ == "__main__":
    main()
