"""Our reading of the standard library's files against that of Python's own parser."""

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from engine.languages import Analysis, decode
from engine.languages.python import PYTHON

_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
_FILES = sorted(
    path
    for path in _LIBRARY.rglob("*.py")
    if path.stat().st_size < 60_000
    and not {"site-packages", "test", "tests", "idle_test", "lib2to3"}
    & set(path.relative_to(_LIBRARY).parts)
)
_SAMPLE = _FILES[:: max(1, len(_FILES) // 150)]
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def analysed(path: Path) -> tuple[ast.Module, Analysis]:
    text = decode(path.name, path.read_bytes())
    return ast.parse(text), PYTHON.analyse(path.name, text, chunk_chars=1200)


def statements(scope: ast.Module | ast.ClassDef) -> Iterator[ast.stmt]:
    """What runs in a scope, also under conditions."""
    todo: list[ast.AST] = list(scope.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += [inner for name in _BLOCKS for inner in getattr(node, name, ())]


def imported_modules(module: ast.Module) -> set[tuple[str, str, str]]:
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {(name.name, "", name.asname or name.name) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            text = "." * node.level + (node.module or "")
            found |= {(text, name.name, name.asname or name.name) for name in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {(arg.value, "", arg.value) for arg in node.args if is_text(arg)}
    return found


def is_text(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def defined_names(scope: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, str]]:
    for node in statements(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield ("method" if prefix else "function"), prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield "class", prefix + node.name
            yield from defined_names(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for name in assigned_names(target):
                    yield ("field" if prefix else "variable"), prefix + name


def assigned_names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from assigned_names(element)
    elif isinstance(target, ast.Starred):
        yield from assigned_names(target.value)


@pytest.mark.skipif(len(_FILES) < 100, reason="this Python has no sources of its library")
def test_imports_and_definitions_are_those_that_python_sees() -> None:
    assert len(_SAMPLE) >= 100
    for path in _SAMPLE:
        module, analysis = analysed(path)
        read = {
            (reference.text, binding.name, binding.local)
            for reference in analysis.references
            for binding in reference.bindings
        }
        assert imported_modules(module) == read, path
        declared = {(each.symbol.kind, each.symbol.name) for each in analysis.declarations}
        assert set(defined_names(module)) == declared, path
        assert analysis.diagnostics == (), path


@pytest.mark.skipif(len(_FILES) < 100, reason="this Python has no sources of its library")
def test_a_module_that_is_printed_anew_offers_the_same() -> None:
    """`ast.unparse` changes layout, comments, quotes and brackets, but no signature."""
    for path in _SAMPLE[::3]:
        module, analysis = analysed(path)
        printed = PYTHON.analyse(path.name, ast.unparse(module), chunk_chars=1200)
        assert signatures(analysis) == signatures(printed), path


def signatures(analysis: Analysis) -> set[str]:
    """All but those with escapes, which are printed in another way."""
    found = {declared.symbol.signature for declared in analysis.declarations}
    return {signature for signature in found if "\\" not in signature}
