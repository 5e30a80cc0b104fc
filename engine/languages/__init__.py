"""What a file defines and refers to, and how it is cut into chunks."""

from engine.languages.card import ADOPTS, FIELDS, LINKS, card_of
from engine.languages.card_document import Card, MalformedCard, Value, looks_like_card
from engine.languages.chunks import cut_text
from engine.languages.decode import Undecodable, decode, looks_binary
from engine.languages.ecmascript_marks import PASSED, SYNTAX_ERROR, TYPE
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
from engine.languages.probed_tree import joined, listing_of
from engine.languages.registry import (
    LANGUAGES,
    language_named,
    language_of,
    language_versions,
)

__all__ = [
    "ADOPTS",
    "FIELDS",
    "LANGUAGES",
    "LINKS",
    "PASSED",
    "SYNTAX_ERROR",
    "TYPE",
    "Analysis",
    "Binding",
    "Card",
    "Chunk",
    "Declaration",
    "Language",
    "Link",
    "MalformedCard",
    "Reference",
    "Resolution",
    "Tree",
    "Undecodable",
    "Value",
    "card_of",
    "cut_text",
    "decode",
    "joined",
    "language_named",
    "language_of",
    "language_versions",
    "listing_of",
    "looks_binary",
    "looks_like_card",
]
