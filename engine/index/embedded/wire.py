"""Log in to a Postgres over its socket and run one statement. Knows no passwords and no rows.

A driver would do it too, but the reaper must stay small, and only the kernel can say
which process is listening at a socket.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.index.embedded.layout import PORT, ROLE

PROTOCOL_3 = 196608
SOL_LOCAL, LOCAL_PEERPID = 0, 2  # of macOS; Python names only the Linux ones


class Refusal(Exception):
    """An error that the server sent, with its SQLSTATE."""

    NO_SUCH_DATABASE = "3D000"
    TOO_MANY_CONNECTIONS = "53300"
    NO_ENTRY = "28"  # A class of codes.
    CANNOT_CONNECT_NOW = "57P03"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def run(folder: Path, database: str, statement: str = "", *, timeout_seconds: float) -> int:
    """The process that listens, after it let us in and the statement was done.

    Raises `Refusal` when the server says no, `OSError` when nothing answers.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        connection.connect(str(folder / f".s.PGSQL.{PORT}"))
        with connection.makefile("rb") as answers:
            connection.sendall(_startup(database))
            _await_ready(answers)
            if statement:
                connection.sendall(_message(b"Q", statement.encode() + b"\0"))
                _await_ready(answers)
            connection.sendall(_message(b"X", b""))
        return _peer_pid(connection)


def _startup(database: str) -> bytes:
    words = f"user\0{ROLE}\0database\0{database}\0\0".encode()
    return struct.pack("!ii", len(words) + 8, PROTOCOL_3) + words


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _await_ready(answers: BinaryIO) -> None:
    refusal: Refusal | None = None
    for kind, body in _messages(answers):
        if kind == b"E":
            refusal = _refusal(body)
        elif kind == b"R" and body[:4] != bytes(4):
            raise Refusal(f"{Refusal.NO_ENTRY}000", "the server asks for a password")
        elif kind == b"Z":
            break
    else:
        raise refusal or ConnectionResetError("the server hung up")
    if refusal is not None:
        raise refusal


def _messages(answers: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(header := answers.read(5)) == 5:
        yield header[:1], answers.read(int.from_bytes(header[1:], "big") - 4)


def _refusal(body: bytes) -> Refusal:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return Refusal(fields.get(b"C", ""), fields.get(b"M", "no reason given"))


def _peer_pid(connection: socket.socket) -> int:
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], sys.byteorder)
    return connection.getsockopt(SOL_LOCAL, LOCAL_PEERPID)
