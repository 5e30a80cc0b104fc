"""Names of files: what a reference means, and where it is looked for. Knows no graph."""

import re
from collections.abc import Container
from typing import TypeAlias
from unicodedata import is_normalized, normalize

Key: TypeAlias = str

SOURCE_SUFFIXES = (".gts", ".ts", ".tsx", ".gjs", ".js", ".jsx", ".mjs", ".cjs", ".json", ".py")
"""What a relative reference may leave out, the stronger first."""

INDEX_NAMES = ("index.gts", "index.ts", "index.tsx", "index.gjs", "index.js", "index.json")
"""The file that stands for its folder, tried after every suffix."""

_RELATIVE = re.compile(r"\.{1,2}(?:[/?#]|\Z)")
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_DECORATION = re.compile(r"[?#]")
# A query, a fragment, or a segment that is empty, `.` or `..`.
_BENT = re.compile(r"[?#]|(?:^|/)\.{0,2}(?:/|\Z)")


def canonical_key(reference: str, *, base: Key = "") -> Key | None:
    """The key that a reference means, whether or not such a file exists.

    Query and fragment are dropped, the rest is put in NFC and its `.` and `..` are
    resolved: against the folder `base` when it begins with `./` or `../`, against the
    root otherwise. Of a URL nothing but query and fragment changes. Nothing comes back
    for a reference that is empty or absolute, or that leaves the tree.
    """
    path = normalize("NFC", _DECORATION.split(reference, maxsplit=1)[0])
    origin = ""
    if _RELATIVE.match(path):
        origin, folder = _split_origin(base)
        path = f"{folder}/{path}" if folder else path
    elif _ORIGIN.match(path):
        return path
    resolved = _without_dots(path)
    return f"{origin}/{resolved}" if origin and resolved else resolved


def probes(reference: str, *, base: Key = "") -> tuple[Key, ...]:
    """Where a reference is looked for, the first hit wins.

    First the name exactly as written, then its canonical key; a relative reference is
    also tried with each suffix and as a folder with an index. A bare name never gains
    anything.
    """
    canonical = canonical_key(reference, base=base)
    if canonical is None:
        return (reference,)
    found = (reference,) if canonical == reference else (reference, canonical)
    if not _RELATIVE.match(reference):
        return found
    suffixed = tuple(canonical + suffix for suffix in SOURCE_SUFFIXES)
    return (*found, *suffixed, *(f"{canonical}/{name}" for name in INDEX_NAMES))


def probes_until_hit(reference: str, present: Container[Key], *, base: Key) -> tuple[Key, ...]:
    """The probes that decide: all that miss, and the hit after them if there is one."""
    tried = probes(reference, base=base)
    hit = next((place for place, key in enumerate(tried) if key in present), len(tried))
    return tried[: hit + 1]


def is_plain(reference: str) -> bool:
    """Whether a reference can mean nothing but the key of exactly that name, wherever it stands."""
    if not _BENT.search(reference) and is_normalized("NFC", reference):
        return True
    return not _RELATIVE.match(reference) and canonical_key(reference) in (None, reference)


def folder_of(key: Key) -> Key:
    """What relative references in a file start from."""
    return key.rpartition("/")[0]


def _split_origin(folder: Key) -> tuple[str, str]:
    """`https://host` and the path on it; all of the folder is path when it is no URL."""
    origin = _ORIGIN.match(folder)
    return (origin[0], folder[origin.end() + 1 :]) if origin else ("", folder)


def _without_dots(path: str) -> Key | None:
    if path.startswith("/"):
        return None
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/".join(kept) or None
