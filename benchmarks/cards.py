"""What does a realm of cards cost, from scratch and after each kind of change?

    python -m benchmarks.cards --modules 210 --cards 640

Generates the realm, and works in an embedded Postgres of its own with the hashed embedder,
so that it is the engine that is measured.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine import CardRealm, Engine, Isolation, PassReport, Settings

BASE = "https://cardstack.com/base"
HEAD = f"""import {{ contains, containsMany, field, linksTo, linksToMany }} from '{BASE}/card-api';
import {{ CardDef, FieldDef, Component }} from '{BASE}/card-api';
import StringField from '{BASE}/string';
import NumberField from '{BASE}/number';
import MarkdownField from '{BASE}/markdown';
"""
WORDS = (  # noqa: SIM905 - a list of words takes a line for each
    "account address animal archive author balance budget campaign category client comment "
    "contract course customer delivery design device document employee event expense flight "
    "garden guide house invoice journal kitchen lesson letter market meeting message movie "
    "museum network office order parcel partner payment photo planet policy product project "
    "quote recipe report review school season service ship song station story student survey "
    "table task teacher team ticket train travel vendor village wallet weather workshop"
).split()
EDITED = "common/thing"


class Generated:
    """A realm on disk: a class that most extend, some fields that most contain, the rest."""

    def __init__(self, root: Path, *, modules: int, cards: int, seed: int = 1) -> None:
        self._root = root
        self._random = random.Random(seed)
        self._classes = ["Thing"]
        self._write(f"{EDITED}.gts", self.thing("title"))
        self._write("common/address.gts", self._composite("Address", "street", "city", "zip"))
        self._write("common/money.ts", self._composite("Money", "amount", "currency"))
        self._write("common/format.ts", "export function format(x: number) {\n  return x;\n}\n")
        for number in range(modules - 4):
            self._write_module(number)
        for number in range(cards):
            self._write_card(number, cards)

    def thing(self, title: str) -> str:
        return self._class("Thing", "CardDef", f"@field {title} = contains(StringField);")

    def _composite(self, name: str, *fields: str) -> str:
        return self._class(
            name,
            "FieldDef",
            *(f"@field {each} = contains(StringField);" for each in fields),
            template=False,
        )

    def _write_module(self, number: int) -> None:
        name = f"{WORDS[number % len(WORDS)].title()}{number // len(WORDS) or ''}"
        # Most classes extend the common one, some another that came before.
        base = self._classes[int(len(self._classes) * self._random.random() ** 4)]
        linked = self._random.choice(self._classes)
        imports = {
            "Address": "../common/address",
            "Money": "../common/money",
            "format": "../common/format",
            base: _reference(base),
            linked: _reference(linked),
        }
        suffix = self._random.choices((".gts", ".ts", ".gjs", ".js"), (80, 14, 3, 3))[0]
        has_template = suffix in {".gts", ".gjs"}
        text = "".join(f"import {{ {key} }} from '{place}';\n" for key, place in imports.items())
        fields = (
            "@field summary = contains(MarkdownField);",
            "@field count = contains(NumberField);",
            "@field tags = containsMany(StringField);",
            "@field address = contains(Address);",
            "@field price = contains(Money);",
            f"@field related = linksTo(() => {linked});",
            "@field others = linksToMany(() => CardDef);",
            "@field label = contains(StringField, { computeVia: function () { return ''; } });",
        )
        self._classes.append(name)
        self._write(
            f"types/{name.lower()}{suffix}",
            text + self._class(name, base, *fields, template=has_template),
        )

    def _class(self, name: str, base: str, *fields: str, template: bool = True) -> str:
        lines = "".join(f"  {each}\n" for each in fields)
        rendered = (
            "  static isolated = class Isolated extends Component {\n    <template>\n"
            f"      <article class='{name}'>\n        <h1><@fields.title /></h1>\n"
            + "        <p>{{@model.summary}} it's {{if @model.count 'some' \"none\"}}</p>\n"
            * 12
            + "      </article>\n      <style scoped>\n        h1 { margin: 0; }\n      </style>\n"
            "    </template>\n  };\n"
        )
        return (
            f"{HEAD}\nexport class {name} extends {base} {{\n  static displayName = '{name}';\n"
            f"{lines}{rendered if template else ''}}}\n"
        )

    def _write_card(self, number: int, cards: int) -> None:
        chosen = self._random
        # Half of the cards are of few classes.
        name = self._classes[int(len(self._classes) * chosen.random() ** 2)]
        link = {"links": {"self": f"./card-{chosen.randrange(cards):04}"}}
        attributes = {
            "title": " ".join(chosen.choices(WORDS, k=3)).title(),
            "summary": " ".join(chosen.choices(WORDS, k=60)),
            "count": number,
            "tags": chosen.choices(WORDS, k=3),
            "address": {"street": "Main Street", "city": chosen.choice(WORDS), "zip": "1"},
            "price": {"amount": str(number), "currency": "EUR"},
        }
        relationships = {"related": link, "others.0": link} if name != "Thing" else {}
        meta = {"adoptsFrom": {"module": _reference(name), "name": name}}
        kept = attributes if name != "Thing" else {"title": attributes["title"]}
        data = {"type": "card", "attributes": kept, "relationships": relationships, "meta": meta}
        self._write(f"cards/card-{number:04}.json", json.dumps({"data": data}, indent=2))

    def _write(self, key: str, text: str) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _reference(name: str) -> str:
    return "../common/thing" if name == "Thing" else f"../types/{name.lower()}"


@dataclass(frozen=True, slots=True)
class Row:
    """One change and what the pass after it did."""

    change: str
    visited: int
    cut_off: int
    errors: int
    width: int
    depth: int
    seconds: float

    @classmethod
    def of(cls, change: str, report: PassReport, seconds: float) -> "Row":
        return cls(
            change, report.visited, report.cut_off, report.errors, report.max_layer_width,
            report.topo_depth, round(seconds, 3),
        )  # fmt: skip


async def measure(root: Path, home: Path, realm: Generated) -> tuple[list[Row], list[str]]:
    """A row for each change, and what queries take after all of them."""
    module = root / f"{EDITED}.gts"
    plain = module.read_text()
    changes: tuple[tuple[str, Callable[[], object]], ...] = (
        ("from scratch", lambda: None),
        ("nothing, files still young", lambda: None),
        ("nothing", lambda: None),
        ("template of the most used module", lambda: module.write_text(plain.replace("h1", "h2"))),
        ("field of the most used module renamed", lambda: module.write_text(realm.thing("name"))),
        ("the field back", lambda: module.write_text(plain)),
        ("most used module gone", module.unlink),
        ("the module back", lambda: module.write_text(plain)),
        ("one card", lambda: _edit(root / "cards/card-0007.json")),
    )
    rows: list[Row] = []
    async with Engine.open(_settings(home)) as engine:
        for change, make in changes:
            make()
            added = await engine.add_realm("cards", CardRealm(root))
            began = time.monotonic()
            report = await (await added.index()).finished()
            rows.append(Row.of(change, report, time.monotonic() - began))
            print(f"{change}: {rows[-1].seconds:.2f} s", file=sys.stderr, flush=True)
        return rows, await _queries(engine)


def _settings(home: Path) -> Settings:
    return Settings(home=home, embedder="hashed", isolation=Isolation.INLINE)


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace('"title": "', '"title": "Another '))


async def _queries(engine: Engine) -> list[str]:
    notes = []
    for what in ({"type": "Thing"}, {"type": "Thing", "where": {"count": ("gt", 600)}}):
        began = time.monotonic()
        found = await engine.cards("cards", limit=1000, **what)
        notes.append(f"{what}: {len(found)} cards in {(time.monotonic() - began) * 1000:.1f} ms")
    return notes


def result(rows: Sequence[Row], notes: Sequence[str]) -> Result:
    found = figures(rows)
    panels = [
        Panel(title=title, rows=found, x="change", y=y, kind="bars", log_y=True)
        for title, y in (("seconds of a pass", "seconds"), ("files visited", "visited"))
    ]
    return Result(name="cards", question=question(__doc__), rows=found, panels=panels, notes=notes)


def main() -> None:
    arguments = argparse.ArgumentParser(description=question(__doc__))
    arguments.add_argument("--modules", type=int, default=210)
    arguments.add_argument("--cards", type=int, default=640)
    add_options(arguments)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home:
        realm = Generated(Path(root), modules=chosen.modules, cards=chosen.cards)
        rows, notes = anyio.run(measure, Path(root), Path(home), realm)
    publish(result(rows, notes), chosen)


if __name__ == "__main__":
    main()
