"""A file that appears in a folder, or goes, concerns whoever listed that folder."""

from pathlib import Path

from live_trees import OpenEngine, write_tree

from engine import Engine, Folder, PassReport

_TREE = {
    "go.mod": "module example.org/shop\n",
    "money/amount.go": "package money\n\ntype Amount int\n",
    "store/order.go": (
        'package store\n\nimport "example.org/shop/money"\n\ntype Order struct{ P money.Rate }\n'
    ),
    "tools/tool.go": "package tools\n\nfunc Run() {}\n",
}


async def _index(engine: Engine, root: Path) -> PassReport:
    realm = await engine.add_realm("r", Folder(root))
    return await (await realm.index()).finished()


async def test_a_new_file_of_a_package_visits_its_importers_and_its_package(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "tree", _TREE)
    async with open_engine() as engine:
        await _index(engine, root)
        (root / "money/rate.go").write_text("package money\n\ntype Rate int\n")
        appeared = await _index(engine, root)
        (root / "money/README.md").write_text("Rates.\n")
        unasked = await _index(engine, root)
        (root / "money/rate.go").unlink()
        went = await _index(engine, root)
    assert appeared.visited == 3
    assert unasked.visited == 1
    assert (went.visited, went.deleted) == (2, 1)


async def test_a_module_file_that_is_renamed_visits_who_imports_and_versions_visit_nobody(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "tree", _TREE)
    async with open_engine() as engine:
        await _index(engine, root)
        (root / "go.mod").write_text("module example.org/shop\n\nrequire a.b/c v1.2.3\n")
        version = await _index(engine, root)
        (root / "go.mod").write_text("module example.org/store\n")
        renamed = await _index(engine, root)
    assert version.visited == 1
    assert renamed.visited == 2
