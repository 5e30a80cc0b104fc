"""What a key is: the one place that says which names can stand in an index."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence

from engine.sources.source import Problem

# Folders (or, for a linked checkout, files) that tools keep beside the files of a tree.
MACHINERY = frozenset({".git", ".hg", ".svn", ".jj", "__pycache__"})

# A row of a btree page in Postgres, where keys are unique, holds about 2,700 bytes.
MAX_KEY_BYTES = 2048

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NEVER_IN_CLEAN = tuple(f"/{part}/" for part in sorted({"", ".", "..", *MACHINERY}))


def key_of(path: str | bytes) -> str | Problem:
    """The key of a path as the file system names it, relative to the root of the tree.

    Undecodable bytes are lone surrogates, as `os.fsdecode` makes them. A path that could
    lead out of the tree, or into what `MACHINERY` names, is a problem like any other.
    """
    text = os.fsdecode(path)
    if not is_showable(text):
        return Problem(shown(text), "the name holds control characters or is not UTF-8")
    key = unicodedata.normalize("NFC", text)
    if len(key.encode()) > MAX_KEY_BYTES:
        return Problem(shown(text), f"the path is longer than {MAX_KEY_BYTES} bytes")
    for part in key.split("/"):
        if part in ("", ".", ".."):
            return Problem(shown(text), "not a path relative to the root of the tree")
        if part in MACHINERY:
            return Problem(shown(text), f"{part} is not part of the tree")
    return key


def are_keys(paths: Sequence[str]) -> bool:
    """Whether each path surely is its own key; false only says: ask `key_of`.

    A realm has a hundred thousand paths and hardly ever one that is not its key, so all
    are judged in a few scans of one string.
    """
    joined = f"/{'/'.join(paths)}/"
    return (
        joined.isascii()
        and joined.isprintable()
        and not any(part in joined for part in _NEVER_IN_CLEAN)
        and max(map(len, paths), default=0) <= MAX_KEY_BYTES
    )


def is_showable(text: str) -> bool:
    """Whether it can be stored and shown as it stands."""
    return not _FORBIDDEN.search(text)


def shown(text: str) -> str:
    """A path that is no key, in printable ASCII that can be stored; different for each path."""
    escaped = _FORBIDDEN.sub(_escape, text).encode("ascii", "backslashreplace").decode()
    if len(escaped) <= MAX_KEY_BYTES:
        return escaped
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{escaped[:200]}...{escaped[-200:]} ({digest})"


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
