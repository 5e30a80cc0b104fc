"""Documented functions of a folder, as documents that their docstring's first sentence asks for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Function:
    path: str
    symbol: str
    sentence: str
    text: str

    def masked(self) -> "Function":
        name = re.escape(self.symbol.rpartition(".")[2])
        return Function("", "", self.sentence, re.sub(rf"\b{name}\b", "f", self.text))


def collected(source: Path) -> list[Function]:
    """The documented functions of a folder, tests and installed packages left out."""
    found: dict[str, Function] = {}
    for path in sorted(source.rglob("*.py")):
        key = path.relative_to(source).as_posix()
        if not re.search(r"(^|/)(tests?|site-packages|idlelib|lib2to3)/", key):
            for function in documented(key, path):
                found.setdefault(function.sentence, function)
    return list(found.values())


def documented(key: str, path: Path) -> Iterator[Function]:
    try:
        source = path.read_text()
        waiting = [(node, "") for node in ast.parse(source).body]
    except (UnicodeDecodeError, SyntaxError):
        return
    lines = source.splitlines(keepends=True)
    while waiting:
        node, prefix = waiting.pop()
        if isinstance(node, ast.ClassDef):
            waiting += [(inner, f"{prefix}{node.name}.") for inner in node.body]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and len(node.body) > 1:
            sentence = first_sentence(ast.get_docstring(node) or "")
            if len(sentence.split()) > 3:
                doc = node.body[0]
                rest = (
                    lines[node.lineno - 1 : doc.lineno - 1]
                    + lines[doc.end_lineno : node.end_lineno]
                )
                yield Function(key, prefix + node.name, sentence, "".join(rest))


def first_sentence(doc: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s|\n\n", doc.strip(), maxsplit=1)[0].split())
