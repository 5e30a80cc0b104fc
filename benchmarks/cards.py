"""What does a realm of cards cost, from scratch and after each kind of change?

    python -m benchmarks.cards --modules 210 --cards 640

Generates the realm, and works in an embedded Postgres of its own with the hashed embedder,
so that it is the engine that is measured.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio

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


async def measure(root: Path, home: Path, realm: Generated) -> list[tuple[str, PassReport]]:
    module = root / f"{EDITED}.gts"
    plain = module.read_text()
    changes: tuple[tuple[str, Callable[[], object]], ...] = (
        ("from scratch", lambda: None),
        ("nothing, files still young", lambda: None),
        ("nothing", lambda: None),
        ("template of the most used module", lambda: module.write_text(plain.replace("h1", "h2"))),
        ("field of the most used module renamed", lambda: module.write_text(realm.thing("name"))),
        ("and back", lambda: module.write_text(plain)),
        ("most used module gone", module.unlink),
        ("and back", lambda: module.write_text(plain)),
        ("one card", lambda: _edit(root / "cards/card-0007.json")),
    )
    print(f"{'change':40}{'visited':>8}{'cut off':>8}{'errors':>7}{'width':>6}{'depth':>6}{'s':>8}")
    reports: list[tuple[str, PassReport]] = []
    async with Engine.open(_settings(home)) as engine:
        for change, make in changes:
            make()
            added = await engine.add_realm("cards", CardRealm(root))
            began = time.monotonic()
            report = await (await added.index()).finished()
            _print(change, report, time.monotonic() - began)
            reports.append((change, report))
        await _print_queries(engine)
    return reports


def _settings(home: Path) -> Settings:
    return Settings(home=home, embedder="hashed", isolation=Isolation.INLINE)


def _print(change: str, report: PassReport, seconds: float) -> None:
    print(
        f"{change:40}{report.visited:>8}{report.cut_off:>8}{report.errors:>7}"
        f"{report.max_layer_width:>6}{report.topo_depth:>6}{seconds:>8.2f}",
        flush=True,
    )


def _edit(path: Path) -> None:
    path.write_text(path.read_text().replace('"title": "', '"title": "Another '))


async def _print_queries(engine: Engine) -> None:
    for what in ({"type": "Thing"}, {"type": "Thing", "where": {"count": ("gt", 600)}}):
        began = time.monotonic()
        found = await engine.cards("cards", limit=1000, **what)
        print(f"{what}: {len(found)} cards in {(time.monotonic() - began) * 1000:.1f} ms")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--modules", type=int, default=210)
    arguments.add_argument("--cards", type=int, default=640)
    arguments.add_argument("--json", type=Path, help="where to write the reports as well")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as home:
        realm = Generated(Path(root), modules=chosen.modules, cards=chosen.cards)
        reports = anyio.run(measure, Path(root), Path(home), realm)
    if chosen.json:
        chosen.json.write_text(
            json.dumps([{"change": name, **each.as_json()} for name, each in reports])
        )


if __name__ == "__main__":
    main()
