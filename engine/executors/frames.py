"""The wire between a pool and its worker processes: pickles behind their length."""

import pickle
from typing import Any, BinaryIO

# Generous for a batch of files at the size limit, small against memory.
MAX_FRAME_BYTES = 1 << 30
HEADER_BYTES = 8

# The first thing a worker says, so that its start is not counted against its work.
READY = b"widthwise worker is ready\n"


def encode(value: Any) -> bytes:
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def body_bytes(header: bytes) -> int:
    """The length that a header announces; a `ValueError` if it cannot be one of ours."""
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes: not from a worker of ours")
    return length


def read(stream: BinaryIO) -> Any:
    """The next value; `EOFError` when the other side has closed."""
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise EOFError
    body = stream.read(body_bytes(header))
    return pickle.loads(body)  # noqa: S301 - both ends are this program, over a private pipe
