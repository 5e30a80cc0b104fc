"""Cut text into words the way code means them. Pure; knows neither stems nor vectors."""

import re
import unicodedata

_IDENTIFIER = re.compile(r"\w+")
# A string is a table for `translate` too, and five times as fast as a dictionary.
_BLANKED = "".join(chr(code) if _IDENTIFIER.match(chr(code)) else " " for code in range(128))

# An acronym keeps its plural s (`URLs`), and gives its last letter to the word that
# follows (`HTTPServer` is http, server).
_ASCII_PART = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PART = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


def identifiers(text: str) -> list[str]:
    """Maximal runs of letters, digits and underscores, in order, as written.

    Composed first (NFC), so that an accent typed apart does not cut its word in two.
    """
    if text.isascii():  # Nearly all code is, and splitting is much faster than matching.
        return text.translate(_BLANKED).split()
    return _IDENTIFIER.findall(unicodedata.normalize("NFC", text))


def parts(identifier: str) -> list[str]:
    """The words of an identifier, lower-case: `parseHTTPHeader_v2` is parse, http, header, v, 2."""
    if identifier.isascii():
        return [part.lower() for part in _ASCII_PART.findall(identifier)]
    humps_apart = _HUMP.sub("_", unicodedata.normalize("NFKC", identifier))
    return [part.lower() for part in _PART.findall(humps_apart)]
