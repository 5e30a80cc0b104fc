"""Definitions as bytes, for a store. JSON, so that they can be read in the database."""

import json

from prewarm.definition import Definition, ReExport, Symbol

FORMAT = 1
"""Bytes of another format are a miss: the other side of a rolling deploy wrote them."""


def encode(definition: Definition) -> bytes:
    return json.dumps(
        [
            FORMAT,
            [[symbol.name, symbol.kind, symbol.signature] for symbol in definition.symbols],
            [[passed.name, passed.key, passed.source_name] for passed in definition.reexports],
            definition.dependencies,
            definition.detail,
        ],
        separators=(",", ":"),
    ).encode("ascii")


def decode(key: str, encoded: bytes) -> Definition | None:
    """The definition, or nothing if the bytes are of another format."""
    content = json.loads(encoded)
    if content[0] != FORMAT:
        return None
    _, symbols, reexports, dependencies, detail = content
    return Definition(
        key,
        symbols=tuple(Symbol(*symbol) for symbol in symbols),
        reexports=tuple(ReExport(*passed) for passed in reexports),
        dependencies=tuple(dependencies),
        detail=detail,
    )
