"""Plain text, and whatever no other language claims: pieces of it, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.languages.chunks import as_chunks, chunk_text
from engine.languages.language import Analysis, Reference, Resolution, Tree
from engine.languages.ruler import Ruler


@dataclass(frozen=True, slots=True)
class PlainText:
    """Cut by paragraph, line and word; defines nothing and refers to nothing."""

    name: str = "text"
    suffixes: frozenset[str] = frozenset({".txt", ".rst", ".log", ".csv"})
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode())
        return Analysis(
            self.name, chunks=as_chunks(ruler, chunk_text(ruler, chunk_chars=chunk_chars))
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return Resolution()


TEXT = PlainText()
