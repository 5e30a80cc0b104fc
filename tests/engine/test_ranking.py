"""Which chunk comes first, over a real index."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from live_trees import OpenEngine, write_tree

from engine import Engine, Folder
from engine.index import search as searching
from engine.index import weighing

INVOICES = {f"m{at:02}.txt": f"invoice number {at} of the month\n" for at in range(20)}


async def _indexed(engine: Engine, root: Path, files: Mapping[str, str]) -> None:
    realm = await engine.add_realm("r", Folder(write_tree(root, files)))
    await (await realm.index()).finished()


async def _paths(engine: Engine, text: str) -> list[str]:
    return [hit.path for hit in await engine.search(text, realm="r")]


async def test_a_rarer_word_outweighs_a_common_one(open_engine: OpenEngine, tmp_path: Path) -> None:
    files = INVOICES | {
        "both.txt": "invoice invoice invoice invoice month\n",
        "rare.txt": "a walrus came by, and left again\n",
    }
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", files)
        assert (await _paths(engine, "walrus invoice"))[0] == "rare.txt"
        assert (await _paths(engine, "invoice walrus"))[0] == "rare.txt"


async def test_a_symbol_outranks_a_mention(open_engine: OpenEngine, tmp_path: Path) -> None:
    named = "def refund(order):\n    charge = order.charge\n    return charge.reverse()\n"
    mention = "def close(order):\n    # refund or no refund\n    return order.charge\n"
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", {"a.py": mention, "b.py": named})
        hits = await engine.search("refund", realm="r")
    assert [hit.path for hit in hits] == ["b.py", "a.py"]
    assert (hits[0].text_rank or 0) > (hits[1].text_rank or 0)


async def test_tests_come_after_what_they_test_unless_they_are_asked_for(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    code = "def reverse_charge(order):\n    return order.charge.reverse(now=True, by=order.owner)\n"
    test = "def reverse_charge_reverses():\n    reverse_charge(charge)\n"
    files = INVOICES | {"tests/a.py": test, "a.py": code}
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", files)
        assert (await _paths(engine, "reverse charge"))[:2] == ["a.py", "tests/a.py"]
        assert (await _paths(engine, "test reverse charge"))[:2] == ["tests/a.py", "a.py"]


async def test_the_order_is_the_same_each_time(open_engine: OpenEngine, tmp_path: Path) -> None:
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", dict.fromkeys(INVOICES, "the same in each\n"))
        orders = {tuple(await _paths(engine, "same each")) for _ in range(3)}
    assert len(orders) == 1


async def test_when_not_all_can_be_ranked_those_with_most_words_are(
    open_engine: OpenEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = INVOICES | {"zz.txt": "this month an invoice, a number, a lot of other words, a sum\n"}
    monkeypatch.setattr(weighing, "RANKED", 2)
    monkeypatch.setattr(searching, "RANKED", 2)
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", files)
        hits = await engine.search("invoice month sum", realm="r", limit=100)
    ranked = {hit.path for hit in hits if hit.text_rank is not None}
    assert "zz.txt" in ranked
    assert len(ranked) == 2


async def test_a_question_of_stop_words_is_answered_by_its_vector(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", {"a.txt": "what is it\n"})
        (hit,) = await engine.search("what is it", realm="r")
    assert hit.text_rank is None
    assert hit.score > 0


async def test_what_defines_a_thing_comes_before_a_text_that_names_it(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    code = "def close(order, account, today):\n    return account.settle(order, today)\n"
    async with open_engine() as engine:
        await _indexed(engine, tmp_path / "t", INVOICES | {"a.txt": code, "b.py": code})
        assert (await _paths(engine, "settle account today"))[:2] == ["b.py", "a.txt"]
