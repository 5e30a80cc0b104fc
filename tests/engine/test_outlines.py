"""Lines and outlines of files as the live index has them."""

from pathlib import Path

import pytest
from live_trees import OpenEngine, write_tree

from engine import CardRealm, EntryNotFound, Folder, RealmNotFound, TextNotFound

SHOP = '''"""A shop."""

RATE = 3


class Shop:
    """Sells."""

    def sell(self, order: int) -> int:
        return order * RATE

    def close(self): ...
'''
TREE = {
    "shop.py": SHOP,
    "notes.md": "# Shop\n\nOpen.\n\n## Refunds\n\nThree days.\n",
    "limits.json": '{"first": {"a": 1}, "second": [' + "1, " * 400 + "2]}\n",
    "picture.bin": b"\x00\x01",
    "empty.py": "",
    "go.go": "package shop\n\ntype Order struct {\n\tTotal int\n}\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", TREE)


async def test_lines_and_outline_are_those_of_the_index_whatever_is_on_disk(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        await (await (await engine.add_realm("r", Folder(tree))).index()).finished()
        (tree / "shop.py").write_text("gone = True\n")
        lines = await engine.lines("r", "shop.py", start=6, end=10)
        assert lines.lines == tuple(SHOP.splitlines()[5:10])
        assert (lines.exact, lines.line_count, lines.next_line, lines.notes) == (True, 12, 11, ())

        outline = await engine.outline("r", "shop.py")
        assert [
            (each.symbol, each.kind, each.start_line, each.end_line) for each in outline.parts
        ] == [
            ("RATE", "variable", 3, 3),
            ("Shop", "class", 6, 12),
            ("Shop.sell", "method", 9, 10),
            ("Shop.close", "method", 12, 12),
        ]
        assert outline.parts[2].signature == "def sell(self, order: int) -> int"

        page = await engine.outline("r", "shop.py", skip=1, limit=2)
        assert [each.symbol for each in page.parts] == ["Shop", "Shop.sell"]
        assert (page.part_count, page.next_skip) == (4, 3)
        assert (await engine.outline("r", "shop.py", skip=3)).next_skip is None
        assert (await engine.outline("r", "shop.py", skip=9)).parts == ()


async def test_each_kind_of_file_has_its_own_parts(open_engine: OpenEngine, tree: Path) -> None:
    async with open_engine() as engine:
        await (await (await engine.add_realm("r", Folder(tree))).index()).finished()

        async def named(key: str) -> list[tuple[str, int, int]]:
            parts = (await engine.outline("r", key)).parts
            return [(each.symbol, each.start_line, each.end_line) for each in parts]

        assert await named("notes.md") == [("Shop", 1, 3), ("Shop > Refunds", 5, 7)]
        assert await named("limits.json") == [("first", 1, 1), ("second", 1, 1)]
        assert ("Order", 3, 5) in await named("go.go")
        assert await named("empty.py") == []
        assert (await engine.lines("r", "empty.py")).lines == ()


async def test_what_has_no_lines_is_an_error_that_says_why(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        await (await (await engine.add_realm("r", Folder(tree))).index()).finished()
        for ask in (engine.lines, engine.outline):
            with pytest.raises(TextNotFound, match=r"r: no line of 'picture.bin' .*: binary"):
                await ask("r", "picture.bin")
            with pytest.raises(EntryNotFound):
                await ask("r", "nothing.py")
            with pytest.raises(RealmNotFound):
                await ask("s", "shop.py")


CARD = """{"data": {"attributes": {"title": "Ann"}, "meta": {"adoptsFrom":
    {"module": "https://cards/person", "name": "Person"}}}}
"""


async def test_a_card_is_not_told_line_by_line(open_engine: OpenEngine, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "cards", {"ann.json": CARD})
    async with open_engine() as engine:
        await (await (await engine.add_realm("r", CardRealm(tree))).index()).finished()
        assert (await engine.outline("r", "ann.json")).notes
        with pytest.raises(TextNotFound, match="by its values"):
            await engine.lines("r", "ann.json")


async def test_the_realms_that_have_a_file_are_those_of_the_tenants_that_are_asked_for(
    open_engine: OpenEngine, tree: Path
) -> None:
    async with open_engine() as engine:
        for name, tenant in (("b", "ann"), ("a", "bob"), ("empty", "ann")):
            realm = await engine.add_realm(name, Folder(tree), tenant=tenant)
            if name != "empty":
                await (await realm.index()).finished()
        assert await engine.realms_having("shop.py") == ["a", "b"]
        assert await engine.realms_having("shop.py", tenants=["ann"]) == ["b"]
        assert await engine.realms_having("shop.py", limit=1) == ["a"]
        assert await engine.realms_having("other.py") == []
