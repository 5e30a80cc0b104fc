"""Whether what a person names is an OpenAPI document. Knows no engine."""

from pathlib import Path

SUFFIXES = frozenset({".json", ".yaml", ".yml"})
_SCHEMES = ("http://", "https://")


def is_document(source: str) -> bool:
    """A file or address that is named like one; what is in it, its entry will tell."""
    path = source.partition("?")[0] if source.startswith(_SCHEMES) else source
    named = Path(path).suffix.lower() in SUFFIXES
    return named and (source.startswith(_SCHEMES) or Path(source).is_file())


def place_of(source: str) -> str:
    """The name of the realm: the address, or the path in full."""
    return source if source.startswith(_SCHEMES) else str(Path(source).resolve())
