"""What a .gitignore file says about a path, exactly as git reads it. Does no I/O.

Git compares bytes, so patterns and paths are compared here as text in which each
character stands for one byte (`as_bytes_text`).
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.sources.wildmatch import literal_of, regex_of


def as_bytes_text(path: str) -> str:
    """The path with one character per byte of its name on disk."""
    return path if path.isascii() else os.fsencode(path).decode("latin-1")


class Rule(NamedTuple):
    """One line. `place` orders the lines of a file: the last that matches decides."""

    pattern: str
    ignores: bool
    folders_only: bool
    by_name: bool
    place: int


class Verdict(NamedTuple):
    """The last line that matched: verdicts compare by place, and a later line wins."""

    place: int
    ignores: bool


_NONE = Verdict(-1, False)


class IgnoreRules:
    """The rules of one .gitignore file, for paths relative to the folder it lies in."""

    def __init__(self, lines: Iterable[str]) -> None:
        rules = [rule for place, line in enumerate(lines) if (rule := _parse(line, place))]
        files = [rule for rule in rules if not rule.folders_only]
        self._folder_names = _Matcher.of(rules, by_name=True)
        self._folder_paths = _Matcher.of(rules, by_name=False)
        self._file_names = _Matcher.of(files, by_name=True)
        self._file_paths = _Matcher.of(files, by_name=False)

    @classmethod
    def parse(cls, content: bytes) -> "IgnoreRules":
        text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        return cls(line.removesuffix("\r") for line in text.split("\n"))

    def verdict(self, path: str, name: str, *, is_folder: bool) -> bool | None:
        """True: ignored. False: a `!` line keeps it. None: no line speaks of it.

        `name` is the last part of `path`. What lies in an ignored folder is ignored
        whatever its own verdict, and is not to be asked for.
        """
        names = self._folder_names if is_folder else self._file_names
        paths = self._folder_paths if is_folder else self._file_paths
        found = max(names.last(name), paths.last(path))
        return None if found is _NONE else found.ignores

    def covers(self, path: str, known: dict[str, bool]) -> bool:
        """Whether the file, or a folder it lies in, is ignored; `known` remembers folders."""
        folder, _, name = path.rpartition("/")
        if folder and self._covers_folder(folder, known):
            return True
        return bool(self.verdict(path, name, is_folder=False))

    def _covers_folder(self, folder: str, known: dict[str, bool]) -> bool:
        if folder in known:
            return known[folder]
        end = 0
        ignored = False
        while not ignored and end >= 0:
            end = folder.find("/", end + 1)
            part = folder if end < 0 else folder[:end]
            if part not in known:
                known[part] = bool(self.verdict(part, part.rpartition("/")[2], is_folder=True))
            ignored = known[part]
        known[folder] = ignored
        return ignored


@dataclass(frozen=True, slots=True)
class _Matcher:
    """Rules compiled to a dictionary of plain names and one expression for all others."""

    literals: dict[str, Verdict]
    expression: re.Pattern[str] | None
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, rules: Iterable[Rule], *, by_name: bool) -> "_Matcher":
        literals: dict[str, Verdict] = {}
        wild: list[tuple[str, Verdict]] = []
        for rule in rules:
            if rule.by_name is not by_name:
                continue
            verdict = Verdict(rule.place, rule.ignores)
            literal = literal_of(rule.pattern)
            if literal is not None:
                literals[literal] = verdict
            elif regex := regex_of(rule.pattern):
                wild.append((regex, verdict))
        # The last line wins and the first alternative is tried first, so they are reversed.
        wild.reverse()
        expression = "|".join(f"({regex})" for regex, _ in wild)
        return cls(
            literals,
            re.compile(expression, re.DOTALL) if wild else None,
            tuple(verdict for _, verdict in wild),
        )

    def last(self, subject: str) -> Verdict:
        found = self.literals.get(subject, _NONE)
        if self.expression and (match := self.expression.fullmatch(subject)):
            assert match.lastindex
            return max(found, self.verdicts[match.lastindex - 1])
        return found


def _parse(line: str, place: int) -> Rule | None:
    if line.startswith("#"):
        return None
    pattern = _without_trailing_spaces(line)
    ignores = not pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    by_name = "/" not in pattern
    return Rule(pattern.removeprefix("/"), ignores, folders_only, by_name, place)


def _without_trailing_spaces(line: str) -> str:
    """Trailing spaces go, unless the first of them is escaped."""
    kept = line.rstrip(" ")
    escapes = len(kept) - len(kept.rstrip("\\"))
    return f"{kept} " if escapes % 2 and len(kept) < len(line) else kept
