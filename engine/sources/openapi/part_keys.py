"""The keys of the parts of a document: readable, unambiguous, and no longer than a key may be."""

import hashlib
import unicodedata
from urllib.parse import quote

from engine.sources.keys import MACHINERY, MAX_KEY_BYTES, is_showable

OPERATION = ".openapi-operation"
SCHEMA = ".openapi-schema"

_NAMED_SCHEMAS = (("components", "schemas"), ("definitions",))
# Kept as they are, beside letters and digits. A percent sign is not: it marks what is not.
_SAFE = "/{}~!$&'()*+,;=:@ -._"


def operation_key(document: str, path: str, method: str) -> str:
    """`/pets/{petId}` of petstore.yaml has its `get` at petstore.yaml/paths/pets/{petId}/get..."""
    # A path that does not begin with a slash is a mistake, and another one.
    parts = path[1:].split("/") if path.startswith("/") else ["%-", *path.split("/")]
    first, *rest = parts
    folders = [first if first == "%-" else _segment(first), *map(_segment, rest)]
    return _bounded(f"{document}/paths/{'/'.join(folders)}/{_segment(method)}", OPERATION)


def path_key(document: str, word: str, path: str) -> str:
    """Where a path item would be; it is no entry, but something may be wrong with it."""
    return _bounded(f"{document}/{word}/{_segment(path)}", "")


def webhook_key(document: str, name: str, method: str) -> str:
    return _bounded(f"{document}/webhooks/{_segment(name)}/{_segment(method)}", OPERATION)


def callback_key(
    document: str, word: str, path: str, method: str, name: str, expression: str, called: str
) -> str:
    """What `post` of `/pets` calls is at petstore.yaml/callbacks/paths/%2Fpets/post/..."""
    segments = "/".join(map(_segment, (path, method, name, expression, called)))
    return _bounded(f"{document}/callbacks/{word}/{segments}", OPERATION)


def schema_key(document: str, pointer: tuple[str, ...]) -> str:
    """The component `Pet` is at petstore.yaml/schemas/Pet...; any other part under `parts`."""
    *above, name = pointer or ("",)
    if tuple(above) in _NAMED_SCHEMAS:
        return _bounded(f"{document}/schemas/{_segment(name)}", SCHEMA)
    return _bounded(f"{document}/parts/{'/'.join(map(_segment, pointer or ('',)))}", SCHEMA)


def document_key(name: str) -> str:
    """A file name or the address behind its scheme, as the first part of keys."""
    return "/".join(map(_segment, name.split("/")))


def _segment(segment: str) -> str:
    """One name between two slashes; nothing becomes a lone percent sign, which nothing else is."""
    if not segment:
        return "%"
    encoded = segment.encode("utf-8", "replace").decode()
    plain = is_showable(encoded) and unicodedata.is_normalized("NFC", encoded)
    if plain and not {"%", "/", "\\"} & set(encoded):
        written = encoded
    else:
        written = quote(encoded, safe=_SAFE.replace("/", ""))
    if written in MACHINERY or not written.strip("."):
        return f"%{ord(written[0]):02X}{written[1:]}"
    return written


def _bounded(stem: str, suffix: str) -> str:
    if len((stem + suffix).encode()) <= MAX_KEY_BYTES:
        return stem + suffix
    digest = hashlib.blake2b(stem.encode(), digest_size=16).hexdigest()
    kept = stem.encode()[: MAX_KEY_BYTES // 2].decode(errors="ignore")
    # The cut may have bared a name that is none.
    return f"{kept.rstrip('/.')}%~{digest}{suffix}"
