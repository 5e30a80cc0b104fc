"""Modules and cards as text, for the tests of card realms."""

import json
from collections.abc import Mapping
from typing import Any

BASE = "https://cardstack.com/base"
HEAD = f"""import {{ contains, containsMany, field, linksTo, linksToMany }} from '{BASE}/card-api';
import {{ CardDef, FieldDef, Component }} from '{BASE}/card-api';
import StringField from '{BASE}/string';
import NumberField from '{BASE}/number';
"""


def module(
    name: str,
    *fields: str,
    extends: str = "CardDef",
    imports: str = "",
    template: str = "<h1>{{@model.title}}</h1>",
    body: str = "return 1;",
) -> str:
    """A module with one class, a template and a method."""
    lines = "".join(f"  @field {each};\n" for each in fields)
    return (
        f"{HEAD}{imports}\nexport class {name} extends {extends} {{\n"
        f"  static displayName = 'The {name}';\n{lines}  act() {{ {body} }}\n"
        "  static isolated = class Isolated extends Component<typeof this> {\n"
        f"    <template>{template}</template>\n  }};\n}}\n"
    )


def card(
    module: str,
    name: str,
    attributes: Mapping[str, Any] | None = None,
    **links: str | None,
) -> str:
    """A card; `friends_0` stands for the relationship `friends.0`."""
    relationships = {
        each.replace("_", "."): {"links": {"self": target}} for each, target in links.items()
    }
    meta = {"adoptsFrom": {"module": module, "name": name}}
    data = {
        "type": "card",
        "attributes": attributes or {},
        "relationships": relationships,
        "meta": meta,
    }
    return json.dumps({"data": data}, indent=2)


PERSON = module(
    "Person",
    "firstName = contains(StringField)",
    "age = contains(NumberField)",
    "tags = containsMany(StringField)",
    "friends = linksToMany(() => Person)",
)
EMPLOYEE = module(
    "Employee",
    "badge = contains(StringField)",
    extends="Person",
    imports="import { Person } from './person';",
)
