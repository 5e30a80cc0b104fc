"""A folder for the socket that only we and the server can enter. Knows no server.

The path of a socket has at most 103 bytes on macOS and 107 on Linux, so it can seldom
lie in the home; a home on a mounted volume may not take sockets at all.
"""

import os
import stat
from pathlib import Path

from engine.index.embedded.account import Account
from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError
from engine.index.embedded.layout import PORT, Layout

LONGEST_BYTES = 103


def find_socket_folder(layout: Layout, account: Account | None) -> Path:
    """The announced one again where possible, so that those who know it find the server."""
    announced = layout.announced()
    if announced is not None and is_private(announced, account):
        return announced
    for parent in (Path("/tmp"), layout.folder):  # noqa: S108 - the name is random and made by us
        if (folder := _make(parent, account)) is not None:
            return folder
    raise EmbeddedPostgresError(
        f"no folder for the server's socket: /tmp cannot be written, and the path of"
        f" {layout.folder} is too long; {ELSEWHERE}"
    )


def is_private(folder: Path, account: Account | None) -> bool:
    """Ours, no link, and closed to everybody but the account."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if account is None:
        return ours and status.st_mode & 0o077 == 0
    return ours and status.st_mode & 0o007 == 0 and status.st_gid == account.gid


def _make(parent: Path, account: Account | None) -> Path | None:
    folder = parent / f"widthwise-{os.urandom(6).hex()}"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > LONGEST_BYTES:
        return None
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        return None
    if account is not None:
        os.chown(folder, -1, account.gid)
        folder.chmod(0o770)
    return folder
