"""Read files of a commit out of a repository, through one git that stays. Blocking."""

import atexit
import os
import subprocess
import threading
from collections import OrderedDict
from contextlib import suppress

from engine.sources.errors import FileGone, FileTooLarge, SourceError
from engine.sources.git_environment import git_environment, git_program

# A file in the repository's folder that says which commit is there, and that all of it is.
MARKER = "widthwise-commit"

# A process that parses for a cluster sees one repository after the other, and has a git for each.
MAX_READERS = 16


class BlobReader:
    """Answers one question at a time, from any thread.

    Git reads objects and nothing else: no file of a repository is ever on the disk under a
    name that the repository chose, no filter or line end is applied to it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, commit: str, path: str, *, max_bytes: int) -> bytes:
        """Raises `FileGone`, `FileTooLarge`, and `SourceError` if the repository is damaged."""
        with self._lock:
            found = self._ask(f"{commit}:{path}", path, max_bytes)
            if found is not None:
                return found
            # Of a file that was never there and one that is lost, git says the same.
            if self._ask(commit, path, 1 << 24) is None:
                self._give_up("its commit is missing")
        raise FileGone(path)

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, name: str, path: str, max_bytes: int) -> bytes | None:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        done = False
        try:
            process.stdin.write(os.fsencode(name) + b"\n")
            process.stdin.flush()
            header = process.stdout.readline()
            if header.endswith(b" missing\n"):
                done = True
                return None
            _, kind, size = header.split()
            if kind not in (b"blob", b"commit"):
                raise FileGone(path)
            if int(size) > max_bytes:
                raise FileTooLarge(path, int(size), max_bytes)
            content = process.stdout.read(int(size) + 1)
            done = len(content) == int(size) + 1
        except (OSError, ValueError):
            pass
        finally:
            # What is left of an answer must not become the next one's.
            if not done:
                self._end()
        if not done:
            self._give_up("an object can't be read")
        return content[:-1]

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - the program is git, the arguments are ours
                [git_program(), f"--git-dir={self._folder}", "cat-file", "--batch"],
                env=git_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    assert stream is not None
                    stream.close()

    def _give_up(self, why: str) -> None:
        """Have the next attempt clone anew."""
        self._end()
        with suppress(OSError):
            os.unlink(f"{self._folder}/{MARKER}")
        raise SourceError(f"{self._folder}: the checkout is damaged or gone ({why})")


_readers: OrderedDict[str, BlobReader] = OrderedDict()
_readers_lock = threading.Lock()


def reader_of(folder: str) -> BlobReader:
    """The reader of this process for the repository in `folder`; the gits of few others stay."""
    oldest = None
    with _readers_lock:
        reader = _readers.setdefault(folder, BlobReader(folder))
        _readers.move_to_end(folder)
        if len(_readers) > MAX_READERS:
            _, oldest = _readers.popitem(last=False)
    if oldest is not None:
        oldest.close()
    return reader


def close_reader(folder: str) -> None:
    """End its git; a reader that is asked again starts another."""
    with _readers_lock:
        reader = _readers.pop(folder, None)
    if reader is not None:
        reader.close()


@atexit.register
def close_readers() -> None:
    """End the gits of all readers."""
    for folder in list(_readers):
        close_reader(folder)
