"""What a file defines and refers to, and how it is cut into chunks."""

from engine.languages.decode import Undecodable, decode, looks_binary
from engine.languages.language import (
    Analysis,
    Binding,
    Chunk,
    Declaration,
    Language,
    Link,
    Reference,
    Resolution,
    Tree,
)
from engine.languages.probed_tree import listing_of
from engine.languages.registry import (
    LANGUAGES,
    language_named,
    language_of,
    language_versions,
)

__all__ = [
    "LANGUAGES",
    "Analysis",
    "Binding",
    "Chunk",
    "Declaration",
    "Language",
    "Link",
    "Reference",
    "Resolution",
    "Tree",
    "Undecodable",
    "decode",
    "language_named",
    "language_of",
    "language_versions",
    "listing_of",
    "looks_binary",
]
