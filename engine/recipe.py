"""What, beside the files, decides how an index looks. Another recipe makes every entry stale."""

import hashlib

from engine import chunk_text
from engine.embedders import Embedder
from engine.languages import language_versions
from engine.visit import Visitor


def recipe(visitor: Visitor, embedder: Embedder, *, chunk_chars: int, max_file_bytes: int) -> str:
    """A name for the way entries are made: equal recipes make equal entries of equal files."""
    parts = [
        f"visitor={visitor.fingerprint}",
        f"embedder={embedder.fingerprint}",
        f"chunk_chars={chunk_chars}",
        f"max_file_bytes={max_file_bytes}",
        f"chunk_text={chunk_text.VERSION}",
        *(f"{name}={version}" for name, version in sorted(language_versions().items())),
    ]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
