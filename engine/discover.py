"""What changed since the live index was made. Compares; decides nothing about dependents."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.packed_stamps import PackedStamps
from engine.reasons import Reason, Why
from engine.sources import (
    FileGone,
    FileTooLarge,
    Problem,
    Snapshot,
    Source,
    SourceFile,
    Stamp,
    Unreadable,
)

INODE_BITS = 0x7FFF_FFFF_FFFF_FFFF

# What is recorded of something that is no file: a link out of the tree, a forbidden name.
NO_STAMP = Stamp(0, 0, 0, 0)


class Recorded(NamedTuple):
    """What the live index remembers of a file, to tell whether it changed."""

    content_hash: bytes
    stamp: Stamp
    listed_at_ns: int
    definition_fingerprint: str
    error: str | None
    retry: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The files of a snapshot by what is to be done with each; keys and files sorted."""

    added: tuple[SourceFile, ...]
    suspects: tuple[SourceFile, ...]
    failed: tuple[SourceFile, ...]
    deleted: tuple[str, ...]


def compare(
    snapshot: Snapshot, recorded: Mapping[str, Recorded], *, everything: bool = False
) -> Comparison:
    """Sort the files of a snapshot into new, to be hashed, to be retried, and gone.

    With `everything`, when the recipe changed, all that was known is retried.
    """
    added: list[SourceFile] = []
    suspects: list[SourceFile] = []
    failed: list[SourceFile] = []
    for file in snapshot.files:
        known = recorded.get(file.key)
        if known is None:
            added.append(file)
        elif everything or known.retry:
            failed.append(file)
        elif not _trusted(file, known):
            suspects.append(file)
    present = {file.key for file in snapshot.files}
    present.update(problem.key for problem in snapshot.problems)
    deleted = sorted(recorded.keys() - present)
    return Comparison(tuple(added), tuple(suspects), tuple(failed), tuple(deleted))


def _trusted(file: SourceFile, known: Recorded) -> bool:
    """The same stamp, and old enough to vouch for the content (see `Stamp.is_settled`)."""
    return stored_stamp(file.stamp) == known.stamp and known.stamp.is_settled(known.listed_at_ns)


def stored_stamp(stamp: Stamp) -> Stamp:
    """A stamp as Postgres can hold it: some file systems use all 64 bits of an inode."""
    return stamp if stamp.inode <= INODE_BITS else stamp._replace(inode=stamp.inode & INODE_BITS)


def content_hash(content: bytes) -> bytes:
    """The identity of a content: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(content, digest_size=16).digest()


def changed_files(
    source: Source,
    suspects: Iterable[SourceFile],
    recorded: Callable[[str], Recorded],
    *,
    max_bytes: int,
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Read the suspects and tell the modified from those that were merely touched. Blocking."""
    modified: list[SourceFile] = []
    touched: list[SourceFile] = []
    for file in suspects:
        known = recorded(file.key)
        # The size counts too: what is too large has no hash, and says how large it is.
        same = file.stamp.size == known.stamp.size
        same = same and _hash_of(source, file.key, max_bytes=max_bytes) == known.content_hash
        (touched if same else modified).append(file)
    return modified, touched


def _hash_of(source: Source, key: str, *, max_bytes: int) -> bytes:
    """The content's hash; nothing's, which no recorded content has, where it can't be read."""
    try:
        return content_hash(source.read(key, max_bytes=max_bytes))
    except (FileGone, FileTooLarge, Unreadable):
        return b""


@dataclass(frozen=True, slots=True)
class Changes:
    """What discovery found, against what the live index remembers. All is sorted by key.

    The snapshot is without its files: they are in `stamps`, which takes less.
    """

    snapshot: Snapshot
    recorded: Mapping[str, Recorded]
    added: tuple[str, ...]
    modified: tuple[str, ...]
    again: tuple[str, ...]
    touched: tuple[SourceFile, ...]
    deleted: tuple[str, ...]
    problems: tuple[Problem, ...]
    stamps: Mapping[str, Stamp]
    everything: bool

    @property
    def to_visit(self) -> tuple[str, ...]:
        return (*self.added, *self.modified, *self.again)

    @property
    def nothing(self) -> bool:
        return not (self.to_visit or self.deleted or self.problems)

    @property
    def appeared(self) -> list[str]:
        """Keys where there is a file now and was none, or nothing that could be one."""
        return [
            key
            for key in self.to_visit
            if key not in self.recorded or self.recorded[key].stamp == NO_STAMP
        ]

    @property
    def went(self) -> list[str]:
        """Keys where there was a file and now is none: deleted, or what can't be one."""
        turned = [
            problem.key
            for problem in self.problems
            if problem.key in self.recorded and self.recorded[problem.key].stamp != NO_STAMP
        ]
        return sorted([*self.deleted, *turned])

    def still_true(self) -> dict[str, Recorded]:
        """What is recorded once the pass has ended well, but for the files that it visited."""
        left = dict(self.recorded)
        for key in self.deleted:
            del left[key]
        for file in self.touched:
            left[file.key] = left[file.key]._replace(
                stamp=stored_stamp(file.stamp), listed_at_ns=self.snapshot.listed_at_ns
            )
        return left

    def reasons(self) -> dict[str, Reason]:
        """The files that are visited for their own sake."""
        again = Why.RECIPE if self.everything else Why.FAILED
        kinds = ((self.added, Why.ADDED), (self.modified, Why.CONTENT), (self.again, again))
        # One reason for all of a kind, not one for each file.
        reasons = ((keys, Reason(why)) for keys, why in kinds)
        return {key: reason for keys, reason in reasons for key in keys}


def changes(
    snapshot: Snapshot,
    recorded: Mapping[str, Recorded],
    source: Source,
    *,
    everything: bool,
    max_bytes: int,
) -> Changes:
    """Compare a snapshot with what is remembered, reading what can't be trusted. Blocking."""
    compared = compare(snapshot, recorded, everything=everything)
    modified, touched = changed_files(
        source, compared.suspects, recorded.__getitem__, max_bytes=max_bytes
    )
    return Changes(
        replace(snapshot, files=()),
        recorded,
        _keys(compared.added),
        _keys(modified),
        _keys(compared.failed),
        tuple(touched),
        compared.deleted,
        tuple(_new_problems(snapshot, recorded)),
        PackedStamps(snapshot.files),
        everything,
    )


def _keys(files: Iterable[SourceFile]) -> tuple[str, ...]:
    return tuple([file.key for file in files])


def _new_problems(snapshot: Snapshot, recorded: Mapping[str, Recorded]) -> Iterator[Problem]:
    """What can't be indexed for its name or kind, unless the index says so already."""
    for problem in snapshot.problems:
        known = recorded.get(problem.key)
        if known is None or known.error != problem.reason:
            yield problem
