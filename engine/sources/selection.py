"""Which of the files that were found belong to a realm. Does no I/O."""

import unicodedata
from collections.abc import Callable, Sequence

from engine.sources.ignore import IgnoreRules, as_bytes_text
from engine.sources.source import Problem, SourceFile


def ignore_rules(lines: Sequence[str]) -> IgnoreRules | None:
    """Lines as in a .gitignore file, or None if there are none."""
    text = unicodedata.normalize("NFC", "\n".join(lines))
    return IgnoreRules.parse(text.encode()) if text else None


def selector(
    include: IgnoreRules | None, exclude: IgnoreRules | None
) -> Callable[[SourceFile | Problem], bool]:
    """Whether a file belongs: only what `include` names, if it is given, and not `exclude`."""
    included: dict[str, bool] = {}
    excluded: dict[str, bool] = {}

    def belongs(item: SourceFile | Problem) -> bool:
        path = as_bytes_text(item.key)
        if exclude and exclude.covers(path, excluded):
            return False
        return include is None or include.covers(path, included)

    return belongs
