"""Read one file beneath a folder and never outside it, whatever is renamed meanwhile."""

import errno
import os
import stat

from engine.sources.errors import FileGone, FileTooLarge, SourceError, Unreadable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a fifo waits for a writer that may never come.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


def read_beneath(root: str, path: str, *, max_bytes: int) -> bytes:
    """The regular file at `path`, relative to `root`, as the file system names it.

    Raises `FileGone`, `FileTooLarge`, `Unreadable`, and `SourceError` when the root is
    not there: a tree that is unmounted must not look like one whose files were deleted.
    """
    descriptor = open_beneath(root, path)
    try:
        size = os.fstat(descriptor).st_size
        if size > max_bytes:
            raise FileTooLarge(path, size, max_bytes)
        return _read(descriptor, path, max_bytes)
    finally:
        os.close(descriptor)


def open_beneath(root: str, path: str) -> int:
    """A descriptor, for the caller to close, of the regular file at `path`."""
    # Checking the path and then opening it leaves a gap in which a folder can become a
    # link. So each part is opened in the folder opened before it, and no link is followed.
    *folders, name = path.split("/")
    descriptor = _open_root(root)
    try:
        for folder in folders:
            parent, descriptor = descriptor, _open(folder, _FOLDER, descriptor, path)
            os.close(parent)
        parent, descriptor = descriptor, _open(name, _FILE, descriptor, path)
        os.close(parent)
        _check_regular(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_root(root: str) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{root}: can't be opened as a folder: {error.strerror}") from error


def _open(name: str, flags: int, parent: int, path: str) -> int:
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError as error:
        raise FileGone(path) from error
    except OSError as error:
        raise _failure(error, name, parent, path) from error


def _failure(error: OSError, name: str, parent: int, path: str) -> FileGone | Unreadable:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        # A link where a folder has to be is "not a directory" to the kernel.
        if _is_link(name, parent):
            return Unreadable(path, f"{name} is a symbolic link")
        return FileGone(path)
    if error.errno == errno.ENXIO:
        return Unreadable(path, "not a regular file")
    return Unreadable(path, error.strerror or str(error))


def _is_link(name: str, parent: int) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=parent).st_mode)
    except OSError:
        return False


def _check_regular(descriptor: int, path: str) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise FileGone(path)
    if not stat.S_ISREG(mode):
        raise Unreadable(path, "not a regular file")


def _read(descriptor: int, path: str, max_bytes: int) -> bytes:
    """All of it; one byte more than allowed is asked for, in case the file is growing."""
    parts: list[bytes] = []
    left = max_bytes + 1
    try:
        while left and (part := os.read(descriptor, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    except OSError as error:
        raise Unreadable(path, error.strerror or str(error)) from error
    if not left:
        raise FileTooLarge(path, max_bytes + 1, max_bytes)
    return b"".join(parts)
