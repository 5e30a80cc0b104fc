"""What of a chunk is embedded and what is searched. Changing it changes `VERSION`."""

import hashlib
from typing import NamedTuple

from engine.index.terms import encode_tsvector

VERSION = 1


class PreparedText(NamedTuple):
    """A chunk's identity for its vector, and its terms in Postgres's binary form."""

    text_hash: bytes
    terms: bytes


def embedded_text(symbol: str, text: str) -> str:
    """The text a vector stands for. It has no path in it: a renamed file keeps its vectors."""
    return f"{symbol}\n{text}" if symbol else text


def text_hash(text: str) -> bytes:
    """The identity of an embedded text: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def prepare_text(key: str, symbol: str, text: str) -> PreparedText:
    return PreparedText(
        text_hash(embedded_text(symbol, text)),
        encode_tsvector(body=text, symbol=symbol, path=key),
    )
