"""Why a file was visited, in chains that lead to where it began."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from live_trees import OpenEngine, write_tree

from engine import Engine, EntryNotFound, Folder
from engine.explain import explain
from engine.reasons import Reason, Why

TREE = {
    "models.py": "class User:\n    def greet(self): ...\n\n\nclass Order: ...\n",
    "views.py": "from models import User\n\n\ndef show(user: User): ...\n",
    "pages.py": "import views\n",
    "main.py": "import lost\n",
    "alone.py": "x = 1\n",
}


async def _pass(engine: Engine, root: Path, files: Mapping[str, str | None]) -> None:
    write_tree(root, files)
    realm = await engine.add_realm("r", Folder(root))
    await (await realm.index()).finished()


async def _why(engine: Engine, key: str) -> list[str]:
    return [f"{step.key}: {step.why}" for step in (await engine.explain("r", key)).steps]


async def test_each_reason_is_told_with_its_chain(open_engine: OpenEngine, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    async with open_engine() as engine:
        await _pass(engine, root, TREE)
        assert await _why(engine, "views.py") == ["views.py: it is new"]

        grown = TREE["models.py"].replace("class User:", "class User(Order):")
        await _pass(engine, root, {"models.py": grown, "lost.py": "found = 1\n"})
        assert await _why(engine, "views.py") == [
            "views.py: it read `User` from models.py, whose definition changed",
            "models.py: its content changed",
        ]
        assert await _why(engine, "pages.py") == [
            "pages.py: it read views.py, whose definition did not change",
            *await _why(engine, "views.py"),
        ]
        assert await _why(engine, "main.py") == [
            "main.py: a reference of it looked for lost.py, which appeared",
            "lost.py: it is new",
        ]
        assert await _why(engine, "alone.py") == []
        assert not (await engine.explain("r", "pages.py")).visited

        await _pass(engine, root, {"lost.py": None, "alone.py": None, "other.py": "x = 1\n"})
        assert await _why(engine, "main.py") == [
            "main.py: a reference of it looked for lost.py, which is gone"
        ]
        assert await _why(engine, "other.py") == ["other.py: it was alone.py before"]


async def test_of_a_visit_that_is_not_told_of_nobody_says_that_it_was_spared(
    open_engine: OpenEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "tree"
    async with open_engine() as engine:
        await _pass(engine, root, TREE)
        monkeypatch.setattr("engine.update.MAX_EXPLAINED", 1)
        grown = TREE["models.py"].replace("class User:", "class User(Order):")
        await _pass(engine, root, {"models.py": grown})
        assert await _why(engine, "models.py") == ["models.py: its content changed"]
        assert await _why(engine, "views.py") == []
        assert await _why(engine, "pages.py") == []


async def test_a_pass_without_changes_explains_nothing(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with open_engine() as engine:
        await _pass(engine, tmp_path / "tree", TREE)
        await _pass(engine, tmp_path / "tree", {})
        assert await _why(engine, "views.py") == []
        with pytest.raises(EntryNotFound):
            await engine.explain("r", "no/such.py")


async def test_a_cycle_of_causes_ends() -> None:
    async def find(keys: Sequence[str]) -> dict[str, tuple[bool, Reason]]:
        return {key: (True, Reason(Why.READ, "b" if key == "a" else "a")) for key in keys}

    async def reads(keys: Sequence[str]) -> dict[str, list[str]]:
        return {}

    assert [step.key for step in (await explain("a", find, reads)).steps] == ["a", "b"]


async def test_who_was_spared_is_led_to_the_visit_on_a_shortest_way() -> None:
    edges = {"top": ["mid", "long"], "long": ["mid"], "mid": ["top", "low"], "low": ["seed"]}

    async def find(keys: Sequence[str]) -> dict[str, tuple[bool, Reason]]:
        return {key: (True, Reason(Why.CONTENT)) for key in keys if key == "seed"}

    async def reads(keys: Sequence[str]) -> dict[str, list[str]]:
        return {key: edges[key] for key in keys if key in edges}

    found = await explain("top", find, reads)
    assert [step.key for step in found.steps] == ["top", "mid", "low", "seed"]
    assert [step.visited for step in found.steps] == [False, False, False, True]
    assert (await explain("elsewhere", find, reads)).steps == ()
