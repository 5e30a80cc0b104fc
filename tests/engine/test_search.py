"""What a search gives beside its ranking: walls, pages, groups, what is related; and bad input."""

from pathlib import Path

import pytest
from live_trees import OpenEngine, write_tree

from engine import BadCursor, BadFilter, Engine, Folder, Hit, IndexMoved, RealmNotFound

FILES = {
    "money/refund.py": "class Refund:\n    def pay_back(self):\n        return 1\n"
    + "".join(
        f"\n\ndef refund_{name}(order):\n    return {name!r}, 'refund'\n" for name in "abcdef"
    )
    + "# filler\n" * 400,
    "shop.py": "from money.refund import Refund\n\n\ndef checkout():\n    return Refund()\n",
    "notes.md": "# Refunds\n\nA refund takes three days.\n",
}
ODD_QUESTIONS = [
    "",
    "   ",
    "what is the of",
    "a & b | ! <-> :*",
    "'\"\\') --;",
    "nul\0byte",
    "lone \ud800 surrogate",
    "word " * 10_000,
    "x" * 100_000,
    "\u202e\ufeff\U0001f600",
]


async def _indexed(engine: Engine, root: Path, name: str, tenant: str) -> None:
    realm = await engine.add_realm(name, Folder(root), tenant=tenant)
    await (await realm.index()).finished()


async def test_a_search_is_narrowed_paged_grouped_and_surrounded(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    one, two = (write_tree(tmp_path / name, FILES) for name in ("one", "two"))
    async with open_engine() as engine:
        await _indexed(engine, one, "one", "acme")
        await _indexed(engine, two, "two", "other")
        await _walls(engine)
        await _odd_questions(engine)
        await _related(engine)
        await _grouped(engine)
        await _pages(engine, one)


async def _walls(engine: Engine) -> None:
    assert {hit.realm for hit in await engine.search("refund", limit=50)} == {"one", "two"}
    assert {hit.realm for hit in await engine.search("refund", tenants="acme")} == {"one"}
    assert await engine.search("refund", tenants=[]) == []
    with pytest.raises(RealmNotFound):
        await engine.search("refund", realm="two", tenants="acme")
    every = await engine.search("refund", realm="one", limit=50)
    kinds = {hit.kind for hit in every}
    assert len(kinds) > 1
    for kind in kinds:
        hits = await engine.search("refund", realm="one", kind=kind, limit=50)
        assert len(hits) == sum(hit.kind == kind for hit in every)
        assert {hit.kind for hit in hits} == {kind}
    for bad in ({"path": "a\0b"}, {"kind": "\ud800"}, {"language": "x" * 2_000}, {"limit": 5_000}):
        with pytest.raises(BadFilter):
            await engine.search("refund", **bad)  # type: ignore[arg-type]


async def _odd_questions(engine: Engine) -> None:
    for text in ODD_QUESTIONS:
        hits = await engine.search(text, limit=3)
        assert bool(hits) == bool(text.strip()), repr(text[:20])


async def _related(engine: Engine) -> None:
    hits = await engine.search("checkout", realm="one", related=True, limit=50)
    checkout = next(hit for hit in hits if hit.path == "shop.py" and hit.uses)
    assert checkout.related is not None
    assert [each.path for each in checkout.related.definitions] == ["money/refund.py"]
    refund = next(hit for hit in hits if hit.path == "money/refund.py")
    assert refund.related is not None
    assert refund.related.dependents == ("shop.py",)
    assert refund.commit == ""


async def _grouped(engine: Engine) -> None:
    every = await engine.search("refund", realm="one", limit=100)
    grouped = await engine.search("refund", realm="one", limit=100, group="file")
    firsts: dict[str, Hit] = {}
    for hit in every:
        firsts.setdefault(hit.path, hit)
    assert [hit.path for hit in grouped] == list(firsts)
    assert [hit.start_line for hit in grouped] == [hit.start_line for hit in firsts.values()]
    counts = {hit.path: hit.others + 1 for hit in grouped}
    assert counts == {path: sum(hit.path == path for hit in every) for path in firsts}


async def _pages(engine: Engine, root: Path) -> None:
    every = await engine.search("refund", realm="one", limit=100)
    page = await engine.search_page("refund", realm="one", limit=3)
    first = page.cursor
    found = list(page.hits)
    while page.cursor:
        page = await engine.search_page("refund", realm="one", limit=3, cursor=page.cursor)
        found += page.hits
    assert [(hit.path, hit.start_line) for hit in found] == [
        (hit.path, hit.start_line) for hit in every
    ]
    with pytest.raises(BadCursor):
        await engine.search_page("payment", realm="one", limit=3, cursor=first)
    write_tree(root, {"new.py": "refund = 1\n"})
    await (await engine.index("one")).finished()
    with pytest.raises(IndexMoved):
        await engine.search_page("refund", realm="one", limit=3, cursor=first)
