"""Classes are found through all that a module can do with names, as real realms do it."""

from pathlib import Path

import pytest
from card_files import BASE, card
from live_trees import OpenEngine, write_tree

from engine import CardEntry, CardRealm

HEAD = f"""import {{ contains, containsMany, field, linksTo }} from '{BASE}/card-api';
import {{ CardDef, FieldDef, Component, type BaseDefComponent }} from '{BASE}/card-api';
import StringField from '{BASE}/string';
import NumberField from '{BASE}/number';
"""
PRICE = f"{HEAD}export class Price extends FieldDef {{ @field amount = contains(NumberField); }}\n"


async def indexed(open_engine: OpenEngine, root: Path, files: dict[str, str]) -> CardEntry:
    """The card `a.json` of a realm without errors."""
    async with open_engine() as engine:
        realm = await engine.add_realm("cards", CardRealm(write_tree(root, files)))
        await (await realm.index()).finished()
        assert await engine.errors("cards") == []
        return next(each for each in await engine.cards("cards") if each.key == "a.json")


LOCAL_BASE = """class Priced extends CardDef {
  static displayName = 'Priced';
  @field amount = contains(NumberField);
}
export class Ticket extends Priced { @field seat = contains(StringField); }
"""
LOCAL_FIELD = """class PriceField extends FieldDef {
  static displayName = 'Price';
  @field amount = contains(NumberField);
  static embedded = class Embedded extends Component<typeof PriceField> {
    <template><b>{{@model.amount}}</b></template>
  };
}
export class Ticket extends CardDef { @field price = contains(PriceField); }
"""
RENAMED = """class Later extends CardDef { @field amount = contains(NumberField); }
export { Later as Ticket };
"""
DEFAULT = """export default class Inner extends CardDef { @field amount = contains(NumberField); }
export class Ticket extends Inner {}
"""
COMPUTED = """export class Ticket extends CardDef {
  @field amount = contains(NumberField);
  @field parent = linksTo(() => Ticket);
  @field cardTitle = contains(StringField, {
    computeVia: function (this: Ticket) { return `${this.amount}`; },
  });
}
"""


@pytest.mark.parametrize(
    ("text", "types", "attributes"),
    [
        (LOCAL_BASE, ("Ticket", "Priced", "CardDef"), {"amount": 5, "seat": "7"}),
        (LOCAL_FIELD, ("Ticket", "CardDef"), {"price": {"amount": 5}}),
        (RENAMED, ("Ticket", "CardDef"), {"amount": 5}),
        (DEFAULT, ("Ticket", "Inner", "CardDef"), {"amount": 5}),
        (COMPUTED, ("Ticket", "CardDef"), {"amount": 5}),
    ],
    ids=["local base", "local field", "renamed", "default", "computed"],
)
async def test_classes_that_a_module_keeps_or_renames_have_their_fields(
    open_engine: OpenEngine,
    tmp_path: Path,
    text: str,
    types: tuple[str, ...],
    attributes: dict[str, object],
) -> None:
    written = {"amount": "5", "seat": "7", "price": {"amount": "5"}}
    given = {name: value for name, value in written.items() if name in attributes}
    files = {"t.gts": HEAD + text, "a.json": card("./t", "Ticket", given)}
    found = await indexed(open_engine, tmp_path, files)
    assert (found.types, found.attributes) == (types, attributes)


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ("export { Ticket } from 'https://x.org/t';", "Ticket", "https://x.org/t#Ticket"),
        ("export { default as Ticket } from '@x/t';", "Ticket", "@x/t#Ticket"),
        ("export { Old as Ticket } from '@x/t';", "Ticket", "@x/t#Old"),
        ("export * from '@x/t';", "Ticket", "@x/t#Ticket"),
        ("import { T } from '@x/t';\nexport { T as Ticket };", "Ticket", "@x/t#T"),
        ("export { default as Ticket } from './c';", "Ticket", "c.gts#default"),
        ("export * from './b';\nexport * from './c';", "Price", "b.gts#Price"),
        ("import { Price as P } from './b';\nexport class Q extends P {}", "Q", "t.gts#Q"),
    ],
)
async def test_classes_are_found_behind_what_a_module_passes_on(
    open_engine: OpenEngine, tmp_path: Path, text: str, name: str, place: str
) -> None:
    files = {
        "b.gts": f"import {{ Nobody }} from './t';\n{PRICE}",
        "c.gts": f"{HEAD}export default class Ticket extends CardDef {{}}\n",
        "t.gts": f"{text}\n",
        "a.json": card("./t", name),
    }
    assert (await indexed(open_engine, tmp_path, files)).classes[0] == place


async def test_a_card_may_say_that_a_field_of_it_is_of_another_class(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    ticket = "import { Price } from './price';\nexport class Ticket extends CardDef {\n"
    ticket += "  @field price = contains(Price);\n}\n"
    dear = "import { Price } from './price';\nexport class Dear extends Price {\n"
    dear += "  @field tax = contains(NumberField);\n}\n"
    values = {"price": {"amount": "5", "tax": "2"}}
    meta = '"meta": {"fields": {"price": {"adoptsFrom": {"module": "./dear", "name": "Dear"}}},'
    written = card("./t", "Ticket", values).replace('"meta": {', meta)
    files = {"t.gts": HEAD + ticket, "price.gts": PRICE, "a.json": written}
    async with open_engine() as engine:
        root = tmp_path / "realm"
        root.mkdir()
        realm = await engine.add_realm("cards", CardRealm(write_tree(root, files)))
        await (await realm.index()).finished()
        ((_, error),) = await engine.errors("cards")
        assert error == (
            "CardBroken: Dear (./dear): a.json has price from ./dear, which no file provides"
        )
        write_tree(root, {"dear.gts": HEAD + dear})
        report = await (await realm.index()).finished()
        assert (report.visited, report.errors) == (2, 0)
        (found,) = await engine.cards("cards")
        assert found.attributes == {"price": {"amount": 5, "tax": 2}}
        write_tree(root, {"dear.gts": HEAD + dear.replace("NumberField", "StringField")})
        assert (await (await realm.index()).finished()).visited == 2
        (found,) = await engine.cards("cards")
        assert found.attributes == {"price": {"amount": 5, "tax": "2"}}
