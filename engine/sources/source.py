"""Where the files of a realm come from, as the engine sees it. Knows no index and no pass."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from engine.sources.checkouts import Checkouts

# The kernel stamps files from a clock that ticks every 1 to 10 ms and lags behind the one we read.
_CLOCK_TICK_NS = 20_000_000


class Stamp(NamedTuple):
    """What tells, without reading it, that a file is likely the one seen before.

    A named tuple, as is `SourceFile`: a pass compares one per file, and a tuple does
    that in C.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def is_settled(self, listed_at_ns: int) -> bool:
        """Whether an edit after the listing is sure to have another stamp.

        A file changed within a clock tick of `listed_at_ns`, or dated later, may change
        again and keep its stamp: it has to be hashed (git calls it racily clean).
        """
        return max(self.mtime_ns, self.ctime_ns) < listed_at_ns - _CLOCK_TICK_NS


class SourceFile(NamedTuple):
    """A regular file that is in the realm at this moment."""

    key: str
    stamp: Stamp


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is named in the tree but can't be indexed.

    `key` can be stored and shown as it stands: where the name itself is the problem, the
    offending characters are escaped.
    """

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a source at one moment.

    `files` and `problems` are sorted by key (by code point) and no key occurs twice in
    the two together. `revision` is the git commit checked out, or empty: the files may
    differ from it by whatever is not committed. `listed_at_ns` is the wall clock just
    before the listing began, see `Stamp.is_settled`.
    """

    files: tuple[SourceFile, ...]
    problems: tuple[Problem, ...] = ()
    revision: str = ""
    listed_at_ns: int = 0


class Source(Protocol):
    """Blocking, thread-safe and picklable: worker processes get a copy after the snapshot."""

    def snapshot(self) -> Snapshot:
        """The files as they are now. Raises `SourceError` when there is nothing to list."""

    def read(self, key: str, *, max_bytes: int) -> bytes:
        """The whole file. Raises `FileGone`, `FileTooLarge`, `Unreadable`, `SourceError`.

        Never reads outside the tree, whatever has been put in place of the file since.
        """

    def describe(self) -> dict[str, str]:
        """Kind and location, enough for `open_source` to open it again."""


@runtime_checkable
class RemoteSource(Source, Protocol):
    """A source that has to be brought to this disk before a pass can list and read it."""

    def brought(
        self,
        checkouts: "Checkouts",
        report: Callable[[str], None],
        *,
        moved: Callable[[int, int], None] = ...,
    ) -> AbstractAsyncContextManager[Source]:
        """The source at one moment, here for the length of the block.

        `report` is told how it goes, in lines for people; `moved` how many steps of bringing
        it are done, and how many are known of: both only rise. Raises as `Source.snapshot` does,
        and can be cancelled at any moment.
        """


def unmoved(_done: int, _total: int) -> None:
    """For those whom it does not concern how far a source is on its way."""
