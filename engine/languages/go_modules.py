"""`go.mod` and `go.work`: what a module is called, and where it takes others from."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.languages.chunks import as_chunks, chunk_text
from engine.languages.language import Analysis, Reference, Resolution, Tree
from engine.languages.ruler import Ruler

_COMMENT = re.compile(r"//[^\n]*")
_BLOCK = re.compile(r"^[ \t]*(\w+)[ \t]*\(([^)]*)\)", re.MULTILINE)
_LINE = re.compile(r"^[ \t]*(module|replace|use)[ \t]+([^(\n]+)$", re.MULTILINE)
_MOST_LINES = 1_000


@dataclass(frozen=True, slots=True)
class GoModule:
    """Only what decides on where imports lead: required versions are outside of the realm."""

    path: str = ""
    replaces: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def parse_module(text: str) -> GoModule:
    """What a module file says; what is malformed in it is passed over."""
    path, replaces, uses = "", [], []
    for verb, words in _directives(_COMMENT.sub("", text)):
        if verb == "module" and words:
            path = path or words[0]
        elif verb == "use":
            uses += words[:1]
        elif verb == "replace" and "=>" in words[:-1]:
            target = words[words.index("=>") + 1]
            if target.startswith(("./", "../")):
                replaces.append((words[0], target))
    return GoModule(path, tuple(replaces), tuple(uses))


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    lines = [(match[1], match[2]) for match in _LINE.finditer(text)]
    for match in _BLOCK.finditer(text):
        lines += [(match[1], line) for line in match[2].splitlines()]
    for verb, line in lines[:_MOST_LINES]:
        words = [word.strip('"`') for word in line.split()]
        if words:
            yield verb, words


@dataclass(frozen=True, slots=True)
class GoModuleFile:
    """Cut as text. Its readers depend on where imports lead, and not on versions."""

    name: str = "go-module"
    suffixes: frozenset[str] = frozenset({"go.mod", "go.work"})
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode(errors="replace"))
        pieces = chunk_text(ruler, chunk_chars=chunk_chars)
        module = parse_module(text)
        detail = "" if module == GoModule() else repr(module)
        return Analysis(self.name, chunks=as_chunks(ruler, pieces), detail=detail)

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return Resolution()


GO_MODULE = GoModuleFile()
