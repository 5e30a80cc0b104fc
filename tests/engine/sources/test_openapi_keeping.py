"""What a catalogue keeps between passes, what an edit costs, and that nobody notices either."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.sources import Checkouts, OpenApiCatalog, Snapshot, SourceError
from engine.sources.openapi import library
from engine.sources.openapi.library import MAX_PARSED_BYTES, Library
from engine.sources.openapi.split import split

COMMON = """\
openapi: 3.1.0
components:
  parameters: {page: {name: page, in: query, schema: {type: integer}}}
  schemas:
    Money: {type: object, description: A sum., properties: {amount: {type: integer}}}
    Unused: {type: string}
"""
NAMES_MONEY = """\
openapi: 3.1.0
components: {schemas: {Price: {properties: {sum: {$ref: 'common.yaml#/components/schemas/Money'}}}}}
"""
TAKES_PAGE = """\
openapi: 3.1.0
paths: {/all: {get: {parameters: [{$ref: 'common.yaml#/components/parameters/page'}]}}}
"""
ALONE = "openapi: 3.1.0\npaths: {/alone: {get: {summary: Alone.}}}\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the documents that are parsed, as it happens."""
    names: list[str] = []
    parse = library.parse_document

    def noting(name: str, *arguments: Any) -> Any:
        names.append(name)
        return parse(name, *arguments)

    monkeypatch.setattr(library, "parse_document", noting)
    return names


@pytest.mark.parametrize(
    ("name", "before", "after", "concerned"),
    [
        ("alone.yaml", "Alone.", "Lonely.", {"alone.yaml"}),
        ("alone.yaml", "/alone", "/other", {"alone.yaml"}),
        ("common.yaml", "A sum.", "An amount.", {"common.yaml", "takes.yaml"}),
        ("common.yaml", "in: query", "in: header", {"common.yaml", "takes.yaml"}),
        ("common.yaml", "Money:", "Cash:", {"common.yaml", "takes.yaml", "names.yaml"}),
        ("common.yaml", "openapi: ", "[", {"common.yaml", "takes.yaml", "names.yaml"}),
        ("names.yaml", "Price", "Cost", {"names.yaml"}),
    ],
)
def test_an_edit_parses_the_documents_that_it_concerns(
    tmp_path: Path, parsed: list[str], name: str, before: str, after: str, concerned: set[str]
) -> None:
    root = tmp_path / "apis"
    root.mkdir()
    for each, text in (("common", COMMON), ("names", NAMES_MONEY), ("takes", TAKES_PAGE),
                       ("alone", ALONE)):  # fmt: skip
        (root / f"{each}.yaml").write_text(text)
    catalog = OpenApiCatalog(root, cache=tmp_path / "cache")
    catalog.snapshot()
    assert sorted(parsed) == ["alone.yaml", "common.yaml", "names.yaml", "takes.yaml"]
    parsed.clear()
    catalog.snapshot()
    assert parsed == []
    text = (root / name).read_text()
    assert before in text
    (root / name).write_text(text.replace(before, after))
    catalog.snapshot()
    assert set(parsed) <= concerned
    assert name in parsed
    if after != "[":
        anew = OpenApiCatalog(root, cache=tmp_path / "anew")
        assert _kept_contents(catalog) == _kept_contents(anew)
    parsed.clear()
    (root / name).write_text(text)
    catalog.snapshot()
    assert parsed == []


REFERENCES = (
    *(f"{name}.json#/components/schemas/{schema}" for name in "abp" for schema in "XYZ"),
    *(f"{name}.json#/components/parameters/P" for name in "ab"),
    "a.json#anchor", "b.json#anchor", "#anchor", "#/components/schemas/X", "#/components/schemas/Y",
    "p.json#/Q", "p.json#/R", "a.json#/paths/~1x", "https://example.com/s", "b.json#/$defs/D",
)  # fmt: skip
_schemas = st.recursive(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "integer"])})
    | st.fixed_dictionaries({"$ref": st.sampled_from(REFERENCES)})
    | st.fixed_dictionaries({"$anchor": st.just("anchor"), "type": st.just("number")})
    | st.fixed_dictionaries({"$id": st.just("https://example.com/s")})
    | st.fixed_dictionaries({"$dynamicRef": st.sampled_from(REFERENCES)})
    | st.sampled_from([7, None, [], True]),
    lambda inner: st.dictionaries(st.sampled_from("uvw"), inner, max_size=2).map(
        lambda fields: {"type": "object", "properties": fields}
    ),
    max_leaves=4,
)
_operations = st.builds(
    lambda schema, parameter, callback: {
        "parameters": [{"$ref": parameter}, {"name": "q", "in": "query", "schema": schema}],
        "callbacks": {"done": {"{$url}": callback}},
    },
    _schemas,
    st.sampled_from(REFERENCES),
    st.sampled_from([*({"$ref": each} for each in REFERENCES), {"put": {}}, {"put": 3}]),
)
_documents = st.builds(
    lambda schemas, operations, parameter: {
        "openapi": "3.1.0",
        "paths": {f"/{name}": {"get": operation} for name, operation in operations.items()},
        "components": {"schemas": schemas, "parameters": {"P": parameter}},
    },
    st.dictionaries(st.sampled_from("XYZ"), _schemas, max_size=3),
    st.dictionaries(st.sampled_from("xy"), _operations, max_size=2),
    st.fixed_dictionaries({"name": st.just("p"), "in": st.just("query"), "schema": _schemas}),
)
_fragments = st.dictionaries(st.sampled_from("QR"), _schemas)
# Each step puts documents in place of others: whole, broken, not theirs at all, or none.
_contents = _documents.map(json.dumps) | st.sampled_from(['{"openapi": "3.1.0", ', "{}", "", None])
_steps = st.lists(
    st.dictionaries(st.sampled_from("ab"), _contents, min_size=1)
    | st.fixed_dictionaries({"p": _fragments.map(json.dumps) | st.none()}),
    min_size=2,
    max_size=6,
)
_MOVED = ({"paths": {}}, {"components": {"schemas": {"X": {"type": "string"}}}})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_steps)
@example(  # A schema appears in another document, which has none of those that name it.
    [
        {
            "a": json.dumps({"openapi": "3.1.0", "components": {"schemas": {
                "X": {"$ref": "b.json#/components/schemas/X"}}}}),
            "b": json.dumps({"openapi": "3.1.0"} | _MOVED[0]),
        },
        {"b": json.dumps({"openapi": "3.1.0"} | _MOVED[1])},
        {"b": json.dumps({"openapi": "3.1.0"} | _MOVED[0])},
    ]
)  # fmt: skip
def test_what_is_kept_gives_what_would_be_made_anew(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, str | None]]
) -> None:
    root = tmp_path_factory.mktemp("apis")
    keeping = OpenApiCatalog(root, cache=tmp_path_factory.mktemp("kept"))
    for step in steps:
        for name, text in step.items():
            path = root / f"{name}.json"
            path.unlink(missing_ok=True) if text is None else path.write_text(text)
        texts = {path.name: path.read_bytes() for path in sorted(root.iterdir())}
        named = sorted(name for name in texts if b'"openapi"' in texts[name])
        fresh = split(Library(texts), named, found=named)
        kept = _kept_contents(keeping)
        if fresh.broken:
            # The last good text stands in for it.
            good = {name for name in fresh.contents if name in kept[0]}
            assert fresh.broken <= kept[1].keys()
            assert good <= kept[0].keys()
        else:
            assert kept == (fresh.contents, fresh.problems)


def _kept_contents(catalog: OpenApiCatalog) -> tuple[dict[str, bytes], dict[str, str]]:
    snapshot = catalog.snapshot()
    contents = {file.key: catalog.read(file.key, max_bytes=1 << 20) for file in snapshot.files}
    return contents, {problem.key: problem.reason for problem in snapshot.problems}


def test_values_are_not_all_kept_in_memory() -> None:
    large = json.dumps({"openapi": "3.1.0", "x": "x" * (MAX_PARSED_BYTES // 2)}).encode()
    catalogue = Library(dict.fromkeys(("a.json", "b.json", "c.json"), large))
    assert [catalogue.root(name)["openapi"] for name in ("a.json", "b.json", "c.json")]
    assert "a.json" not in repr(catalogue._parsed.keys())


def _seen(catalog: OpenApiCatalog) -> tuple[Any, ...]:
    snapshot: Snapshot = catalog.snapshot()
    return snapshot.files, snapshot.problems


def _damages(content: bytes) -> Iterator[bytes]:
    yield b""
    yield content[: len(content) // 2]
    yield content[:-1] + bytes([content[-1] ^ 1])
    yield b"\x00" * len(content)


def test_damaged_files_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(COMMON)
    catalog = OpenApiCatalog(tmp_path / "a.yaml", cache=tmp_path / "cache")
    expected = _seen(catalog)
    files = sorted((tmp_path / "cache").iterdir())
    assert {path.suffix for path in files} == {".pack", ".unit", ".names", ".good"}
    for path in files:
        content = path.read_bytes()
        for damaged in _damages(content):
            path.write_bytes(damaged)
            for other in files:
                if other.suffix == ".pack" and path.suffix != ".pack":
                    other.unlink(missing_ok=True)
            assert _seen(catalog) == expected
            assert catalog.read(expected[0][0].key, max_bytes=999)


SNAPSHOTS = """
import json, sys
from engine.sources import OpenApiCatalog
root, cache = sys.argv[1:]
for line in sys.stdin:
    found = OpenApiCatalog(root, cache=cache)
    keys = [file.key for file in found.snapshot().files]
    print(json.dumps([found.read(key, max_bytes=999).decode() for key in keys]), flush=True)
"""


def test_processes_share_what_is_kept(tmp_path: Path) -> None:
    root, cache = tmp_path / "apis", tmp_path / "cache"
    root.mkdir()
    command = [sys.executable, "-c", SNAPSHOTS, str(root), str(cache)]
    readers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        for number in range(8):
            spec = {"openapi": "3.1.0", "components": {"schemas": {"A": {"title": f"is {number}"}}}}
            (root / "a.json").write_text(json.dumps(spec))
            for reader in readers:
                assert reader.stdin
                reader.stdin.write("look\n")
                reader.stdin.flush()
            told = [json.loads(reader.stdout.readline()) for reader in readers if reader.stdout]
            assert told == [[f"schema A: any\n  is {number}\n"]] * len(readers)
            for path in random.Random(number).sample(sorted(cache.iterdir()), 1):
                path.unlink()
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()


async def test_a_pass_keeps_its_parts_in_the_home_and_old_ones_are_evicted(tmp_path: Path) -> None:
    checkouts = Checkouts(root=tmp_path / "home" / "checkouts", max_age_seconds=3600)
    for name in ("old", "new"):
        (tmp_path / f"{name}.yaml").write_text(COMMON)
    old, new = (OpenApiCatalog(tmp_path / f"{name}.yaml") for name in ("old", "new"))

    def folders() -> list[Path]:
        return [each for each in (tmp_path / "home/openapi").iterdir() if each.is_dir()]

    async with old.brought(checkouts, lambda _: None) as prepared:
        files = prepared.snapshot().files
        (folder,) = folders()
        os.utime(folder, (0, 0))
        async with new.brought(checkouts, lambda _: None):
            assert len(folders()) == 2  # What a pass reads stays.
        assert prepared.read(files[0].key, max_bytes=999)
    os.utime(folder, (0, 0))
    async with new.brought(checkouts, lambda _: None):
        assert folder not in folders()
    small = Checkouts(root=checkouts.root, max_bytes=1)
    async with old.brought(small, lambda _: None) as prepared:
        assert len(folders()) == 1
        assert prepared.snapshot().files == files


async def test_progress_counts_documents(tmp_path: Path) -> None:
    root = tmp_path / "apis"
    root.mkdir()
    for number in range(5):
        (root / f"{number}.yaml").write_text(COMMON)
    moments: list[tuple[int, int]] = []

    def moved(done: int, total: int) -> None:
        moments.append((done, total))

    checkouts = Checkouts(root=tmp_path / "home" / "checkouts")
    async with OpenApiCatalog(root).brought(checkouts, lambda _: None, moved=moved):
        pass
    assert moments == [(done, 5) for done in range(6)]


def test_without_a_pass_a_place_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ALONE)
    with pytest.raises(SourceError, match="no place was named"):
        OpenApiCatalog(tmp_path / "a.yaml").snapshot()
