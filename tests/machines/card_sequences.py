"""Random realms of cards and what happens to them. Few names, so that references meet files."""

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from tree_contents import chosen
from tree_edits import Append, Delete, Edit, KeepStamp, ShiftLines, Touch, Write
from tree_sequences import Cancel, Index, IndexTwice, Sequence, Step

MODULE_KEYS = ("person.gts", "person.ts", "person/index.gjs", "employee.gts", "zip.ts", "pet.js")
CARD_KEYS = ("a.json", "b.json", "people/a.json", "people/b.json")
BASE = "https://cardstack.com/base"

HEADS = (
    f"import {{ contains, field, linksTo, CardDef, FieldDef }} from '{BASE}/card-api';",
    f"import NumberField from '{BASE}/number';\nimport StringField from '{BASE}/string';",
    "import { Person } from './person';",
    "import { Person } from '../person';",
    "import { Person as Employee } from './employee';",
    "import { Zip } from './zip';",
    "export { Person } from './employee';",
    "export * from './pet';",
)
FIELDS = (
    "@field age = contains(NumberField);", "@field age = contains(StringField);",
    "@field zip = contains(Zip);", "@field zips = containsMany(Zip);",
    "@field friend = linksTo(() => Person);", "static displayName = 'Shown';",
    "@field age = contains(NumberField, { computeVia: function () { return 1; } });",
    "act() { return 1; }", "act() { return 2; }", "@field broken = ((",
)  # fmt: skip
ENDS = ("", "<template>{{@x}} it's</template>\n", "// a comment\n")
CLASSES = ("Person", "Employee", "Zip")
BASES = ("CardDef", "FieldDef", "Person", "Employee", "Nobody")
MODULES = ("./person", "../person", "./employee", "../employee.gts", "./pet", f"{BASE}/card-api")
TARGETS = ("./a", "./b", "./people/a", "../b", "people/b", "./person", "/b", "https://x.org/a", "")
VALUES = (None, 1, "2", "x", True, [], ["1", "y"], {"age": "3"}, [{"age": 4, "other": 1}])


def _module(heads: list[str], classes: list[tuple[str, str, list[str]]], end: str) -> bytes:
    bodies = [
        f"export class {name} extends {base} {{\n" + "".join(f"  {each}\n" for each in fields) + "}"
        for name, base, fields in classes
    ]
    return ("\n".join((*heads, *bodies)) + "\n" + end).encode()


def _card(module: str, name: str, attributes: dict[str, object], links: dict[str, str]) -> bytes:
    relationships = {each: {"links": {"self": target}} for each, target in links.items()}
    meta = {"adoptsFrom": {"module": module, "name": name}}
    data = {"type": "card", "attributes": attributes, "relationships": relationships, "meta": meta}
    return json.dumps({"data": data}).encode()


@dataclass(frozen=True, slots=True)
class Reword:
    """One word for another: a field renamed, or of another type, and nothing else."""

    key: str
    words: tuple[bytes, bytes]

    def apply(self, root: Path) -> None:
        path = root / self.key
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(*self.words))


def _some(choices: tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(choices), max_size=most, unique=True)


WORDS = (
    (b"NumberField)", b"StringField)"),
    (b"StringField)", b"NumberField)"),
    (b"field age", b"field other"),
    (b'"age"', b'"other"'),
    (b"extends CardDef", b"extends Zip"),
    (b"return 1", b"return 2"),
    (b"'Shown'", b"'Other'"),
)

# What most trees begin as, so that there is something to lose.
SOUND = {
    "person.gts": _module(list(HEADS[:2]), [("Person", "CardDef", [*FIELDS[:1], FIELDS[5]])], ""),
    "employee.gts": _module(list(HEADS[:3]), [("Employee", "Person", [])], ENDS[1]),
    "a.json": _card("./person", "Person", {"age": "2"}, {"friend": "./people/b"}),
    "people/b.json": _card("../employee", "Employee", {"age": "3"}, {}),
}

# Most modules are as they should be, or hardly a card would have its class.
modules = st.builds(
    lambda heads, classes, end: _module([*HEADS[:3], *heads], classes, end),
    _some(HEADS[3:], 3),
    st.lists(
        st.tuples(st.sampled_from(CLASSES), st.sampled_from(BASES), _some(FIELDS, 3)),
        min_size=1,
        max_size=3,
        unique_by=lambda each: each[0],
    ),
    st.sampled_from(ENDS),
)
cards = st.builds(
    _card,
    st.sampled_from(MODULES),
    st.sampled_from(CLASSES),
    st.dictionaries(
        st.sampled_from(("age", "zip", "zips", "title", "other")),
        st.sampled_from(VALUES),
        max_size=3,
    ),
    st.dictionaries(
        st.sampled_from(("friend", "friends.0", "friends.1")), st.sampled_from(TARGETS), max_size=2
    ),
)
malformed = st.sampled_from([b'{"data": {"meta": {"adoptsFrom": {', b"{}", b"\0", b"\xff", b""])


def writes() -> st.SearchStrategy[Write]:
    a_module = st.builds(Write, st.sampled_from(MODULE_KEYS), modules)
    a_card = st.builds(Write, st.sampled_from(CARD_KEYS), cards)
    ignored = st.sampled_from([b"people\n", b"*.ts\n!person.ts\n", b""])
    return chosen(
        {
            a_module: 4,
            a_card: 4,
            st.builds(Write, st.sampled_from((*MODULE_KEYS, *CARD_KEYS)), malformed): 1,
            st.builds(Write, st.sampled_from((".boxelignore", "people/.boxelignore")), ignored): 1,
        }
    )


def card_sequences() -> st.SearchStrategy[Sequence]:
    number = st.integers(0, 9)
    edit: st.SearchStrategy[Edit] = chosen(
        {
            writes(): 6,
            st.builds(Delete, number): 2,
            st.builds(Touch, number): 1,
            st.builds(ShiftLines, number): 1,
            st.builds(KeepStamp, number): 1,
            st.builds(Append, number, st.just(b"\n")): 1,
            st.builds(Reword, st.sampled_from(tuple(SOUND)), st.sampled_from(WORDS)): 10,
        }
    )
    a_pass: st.SearchStrategy[Step] = chosen(
        {
            st.builds(Index, st.integers(0, 1)): 4,
            st.builds(Cancel, st.integers(0, 150), st.integers(0, 1)): 2,
            st.just(IndexTwice()): 1,
        }
    )
    rounds = st.builds(
        lambda made, then: (*made, then), st.lists(edit, min_size=1, max_size=3), a_pass
    )
    steps = st.lists(rounds, max_size=5).map(lambda each: tuple(s for r in each for s in r))
    tree = st.lists(writes(), max_size=3).map(
        lambda found: tuple((SOUND | {each.key: each.content for each in found}).items())
    )
    return st.builds(Sequence, tree, steps)
