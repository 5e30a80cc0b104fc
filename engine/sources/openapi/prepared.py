"""The parts of a catalogue at one moment, in a file of this disk. Knows no OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.sources.errors import FileGone, FileTooLarge, Unreadable
from engine.sources.keys import key_of, shown
from engine.sources.openapi.shelf import open_pack
from engine.sources.source import Problem, Snapshot, SourceFile


@dataclass(frozen=True, slots=True)
class PreparedCatalog:
    """Stays what it is, whatever becomes of the documents."""

    pack: str
    problems: Mapping[str, str]
    listed_at_ns: int
    description: Mapping[str, str]

    def snapshot(self) -> Snapshot:
        return Snapshot(
            tuple(SourceFile(key, stamp) for key, stamp in open_pack(self.pack).stamps()),
            tuple(Problem(key, reason) for key, reason in sorted(self.problems.items())),
            listed_at_ns=self.listed_at_ns,
        )

    def read(self, key: str, *, max_bytes: int) -> bytes:
        if key_of(key) != key:
            raise Unreadable(shown(key), "not a key of this catalogue")
        try:
            pack = open_pack(self.pack)
        except (OSError, ValueError) as error:
            raise FileGone(key) from error
        size = pack.size(key)
        if size is None:
            raise FileGone(key)
        if size > max_bytes:
            raise FileTooLarge(key, size, max_bytes)
        return pack.read(key)

    def describe(self) -> dict[str, str]:
        return dict(self.description)
