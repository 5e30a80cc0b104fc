"""Where Python's imports lead inside a realm, and what that answer depends on."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.languages import Resolution
from engine.languages.python import PYTHON


class Files(frozenset[str]):
    """A tree of which only the names count."""

    def read(self, key: str) -> str | None:
        raise AssertionError(f"{key} was read")


def resolved(statement: str, key: str, files: Iterable[str]) -> Resolution:
    references = PYTHON.analyse(key, statement, chunk_chars=1200).references
    return PYTHON.resolve(references, key, Files(files))


def links(statement: str, key: str, *files: str) -> set[tuple[str, str, str]]:
    found = resolved(statement, key, files).links
    return {(link.local, link.key, link.name) for link in found}


PACKAGE = ("p/__init__.py", "p/a.py", "p/q/__init__.py", "p/q/b.py")


@pytest.mark.parametrize(
    ("statement", "key", "expected"),
    [
        ("import p.a", "p/q/b.py", {("p", "p/__init__.py", ""), ("p.a", "p/a.py", "")}),
        ("import p.a as x", "m.py", {("x", "p/a.py", "")}),
        ("from p.a import x", "m.py", {("x", "p/a.py", "x")}),
        ("from p import x as y", "m.py", {("y", "p/__init__.py", "x")}),
        ("from p import a", "m.py", {("a", "p/a.py", ""), ("a", "p/__init__.py", "a")}),
        ("from p import *", "m.py", {("*", "p/__init__.py", "*")}),
        ("from . import a", "p/z.py", {("a", "p/a.py", ""), ("a", "p/__init__.py", "a")}),
        ("from .a import x", "p/z.py", {("x", "p/a.py", "x")}),
        ("from ..a import x", "p/q/b.py", {("x", "p/a.py", "x")}),
        ("from .q.b import x", "p/__init__.py", {("x", "p/q/b.py", "x")}),
        ("from . import a", "p/__init__.py", {("a", "p/a.py", "")}),
        ("from ... import a", "p/q/b.py", set()),
        ("from .... import a", "p/q/b.py", set()),
        ("import os, numpy.linalg", "p/a.py", set()),
        ("from p.a.x import y", "m.py", set()),
        ("import P.A", "m.py", set()),
        ("from .a import x", "p/a.py", set()),
    ],
)
def test_an_import_leads_where_python_finds_it(
    statement: str, key: str, expected: set[tuple[str, str, str]]
) -> None:
    assert links(statement, key, *PACKAGE) == expected


def test_a_package_shadows_a_module_of_its_name() -> None:
    assert links("import a", "m.py", "a.py", "a/__init__.py") == {("a", "a/__init__.py", "")}
    assert links("import a", "m.py", "a.py", "a/b.py") == {("a", "a.py", "")}


def test_a_module_shadows_its_stub_and_a_stub_alone_will_do() -> None:
    assert links("import a", "m.py", "a.py", "a.pyi") == {("a", "a.py", "")}
    assert links("import a", "m.py", "a.pyi") == {("a", "a.pyi", "")}
    assert links("from a import b", "m.pyi", "a/__init__.pyi") == {("b", "a/__init__.pyi", "b")}


def test_a_folder_without_init_is_a_namespace_package() -> None:
    files = ("n/a.py", "n/q/__init__.py")
    assert links("from n import a", "m.py", *files) == {("a", "n/a.py", "")}
    assert links("import n.q", "m.py", *files) == {("n.q", "n/q/__init__.py", "")}
    assert links("from n.a import x", "m.py", *files) == {("x", "n/a.py", "x")}
    assert links("from n.a import x", "lib/m.py", "lib/n/a.py", "n.py") == set()
    assert links("from n.a import x", "lib/m.py", "lib/n/a.py", "n/b.py") == {
        ("x", "lib/n/a.py", "x")
    }


def test_the_nearest_root_wins_even_if_it_lacks_the_submodule() -> None:
    files = ("lib/p/__init__.py", "lib/p/a.py", "p/__init__.py", "p/b.py", "src/p/__init__.py")
    assert links("from p.a import x", "lib/m.py", *files) == {("x", "lib/p/a.py", "x")}
    assert links("from p.b import x", "lib/m.py", *files) == set()
    assert links("from p.b import x", "m.py", *files) == {("x", "p/b.py", "x")}


def test_a_script_finds_its_neighbours_and_a_test_what_is_in_src() -> None:
    assert links("import b", "scripts/a.py", "scripts/b.py") == {("b", "scripts/b.py", "")}
    files = ("src/p/__init__.py", "src/p/a.py")
    assert links("from p.a import x", "tests/test_a.py", *files) == {("x", "src/p/a.py", "x")}


def test_a_file_does_not_refer_to_itself() -> None:
    assert links("import logging", "logging.py", "logging.py") == set()


def test_inside_a_package_an_absolute_import_does_not_see_the_neighbours() -> None:
    assert links("import a", "p/m.py", "p/__init__.py", "p/a.py") == set()


def test_an_import_from_elsewhere_asks_for_few_keys() -> None:
    assert len(resolved("import os\nimport os.path\nfrom os import path", "m.py", ()).probes) <= 18


def test_a_path_without_end_asks_for_nothing() -> None:
    assert resolved("import " + "a." * 1000 + "a", "m.py", ()).probes == ()


_PARTS = st.sampled_from(["p", "q", "a", "src", "n"])
_NAMES = st.sampled_from(["__init__.py", "a.py", "q.py", "p.py", "a.pyi", "__init__.pyi", "n.py"])
_KEYS = st.builds(
    lambda folder, name: "/".join([*folder, name]), st.lists(_PARTS, max_size=3), _NAMES
)
_TREES = st.frozensets(_KEYS, max_size=14)
_DOTTED = st.lists(_PARTS, min_size=1, max_size=3).map(".".join)
_STATEMENTS = st.one_of(
    st.builds("import {}".format, _DOTTED),
    st.builds("import {} as x".format, _DOTTED),
    st.builds("from {} import {}".format, _DOTTED, _PARTS),
    st.builds("from {}{} import {}".format, st.sampled_from([".", "..", "..."]), _DOTTED, _PARTS),
    st.builds("from {} import {}".format, st.sampled_from([".", ".."]), _PARTS),
    st.builds("from {} import *".format, _DOTTED),
)


@given(
    statements=st.lists(_STATEMENTS, min_size=1, max_size=4).map("\n".join),
    key=_KEYS,
    before=_TREES,
    after=_TREES,
)
def test_the_answer_depends_on_nothing_but_the_probes(
    statements: str, key: str, before: frozenset[str], after: frozenset[str]
) -> None:
    """Whatever else appears or disappears: with the probed keys as they were, nothing changes."""
    first = resolved(statements, key, before)
    unprobed = after - set(first.probes)
    second = resolved(statements, key, unprobed | (before & set(first.probes)))
    assert first == second
    assert {link.key for link in first.links} <= before - {key}
    assert {link.key for link in first.links} <= set(first.probes)
    assert list(first.probes) == sorted(set(first.probes))
