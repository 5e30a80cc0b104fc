"""What cards are found by: values that are missing, nested, many or hostile; names of types."""

from pathlib import Path

from card_files import card, module
from live_trees import OpenEngine, write_tree

from engine import CardRealm

REALM = {
    "street.gts": module(
        "Street", "name = contains(StringField)", "numbers = containsMany(NumberField)",
        extends="FieldDef",
    ),
    "house.gts": module(
        "House", "at = contains(Street)", "rooms = contains(NumberField)",
        "built = contains(DateField)", imports="import { Street } from './street';\n",
    ),
    "other/house.gts": module("House"),
    "a.json": card("./house", "House", {"rooms": "9", "built": "1999-12-31",
                                        "at": {"name": "Elm", "numbers": ["1", 2]}}),
    "b.json": card("./house", "House", {"rooms": 10, "built": "2001-01-01", "at": None}),
    "c.json": card("./house", "House", {"rooms": None}),
    "d.json": card("./other/house", "House"),
}  # fmt: skip


async def test_cards_are_found_by_what_their_values_are(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with open_engine() as engine:
        realm = await engine.add_realm("cards", CardRealm(write_tree(tmp_path, REALM)))
        assert (await (await realm.index()).finished()).errors == 0

        async def found(type_name: str | None = None, **where: object) -> str:
            asked = {name.replace("__", "."): value for name, value in where.items()}
            cards = await engine.cards("cards", type=type_name, where=asked)  # type: ignore[arg-type]
            return "".join(each.key[0] for each in cards)

        # Numbers that are written as text compare as numbers; what is null or missing never fits.
        assert await found(rooms=("lt", 10)) == "a"
        assert await found(rooms=("ge", 9)) == "ab"
        assert await found(rooms=("ne", 9)) == "b"
        assert await found(built=("lt", "2000-01-01")) == "a"
        assert await found(at__name="Elm", rooms=9) == "a"
        assert await found(at__numbers=2) == "a"
        assert await found(at__numbers=("gt", 2)) == ""
        assert await found(nothing=1) == ""
        assert await found(rooms="9") == ""
        # A name that two modules give to classes of theirs means both; with its module, one.
        assert await found("House") == "abcd"
        assert await found("other/house.gts#House") == "d"
        assert await found("CardDef") == "abcd"
        # What is asked for is a value, whatever it looks like.
        for hostile in ("'; DROP TABLE entries; --", '" || true || "', "$.x ? (1 == 1)", "\\", "%"):
            assert await found(built=hostile) == ""
            assert await found(hostile) == ""
            assert await found(built=("starts", hostile)) == ""
        first = await engine.cards("cards", limit=2)
        rest = await engine.cards("cards", limit=9, after=first[-1].key)
        assert [each.key[0] for each in (*first, *rest)] == ["a", "b", "c", "d"]
