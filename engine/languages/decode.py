"""Turn the bytes of a file into text, or say why that can't be done. Knows no language."""

import codecs
import re

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_SNIFFED_BYTES = 8192
# These decode escapes, not characters, and can yield lone surrogates.
_ESCAPES = frozenset({"unicode-escape", "raw-unicode-escape", "utf-7"})
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PYTHON_SUFFIXES = (".py", ".pyi", ".pyw")


class Undecodable(ValueError):
    """The message names the file, the place and what to do."""


def decode(key: str, data: bytes) -> str:
    """The text of a file, without its byte order mark and with its line ends as they are.

    UTF-8, UTF-16 behind a byte order mark, and for Python what its coding cookie says.
    Raises `Undecodable`, also for text with NUL characters, which no index can store.
    """
    text = _decoded(key, data)
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise Undecodable(f"{key}: NUL character on line {line}; is it a binary file?")
    return text


def looks_binary(data: bytes) -> bool:
    """Whether a NUL stands in the first 8 KiB, as git asks. UTF-16 with a mark is text."""
    return b"\0" in data[:_SNIFFED_BYTES] and not data.startswith(_UTF16_BOMS)


def _decoded(key: str, data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return _strict(key, data[3:], "utf-8", offset=3)
    if data.startswith(_UTF16_BOMS):
        return _strict(key, data, "utf-16", offset=0)
    encoding = _cookie(data) if key.endswith(_PYTHON_SUFFIXES) else "utf-8"
    return _strict(key, data, encoding, offset=0)


def _strict(key: str, data: bytes, encoding: str, *, offset: int) -> str:
    try:
        return str(data, encoding)
    except UnicodeDecodeError as error:
        at = error.start
        found = f"byte 0x{data[at]:02x} at offset {at + offset}" if at < len(data) else "its end"
        raise Undecodable(
            f"{key}: {found} is not {encoding.upper()}; save the file as UTF-8"
        ) from None
    except (LookupError, ValueError):
        raise Undecodable(
            f"{key}: its coding cookie names {encoding}, which is no text encoding; "
            "save the file as UTF-8"
        ) from None


def _cookie(data: bytes) -> str:
    """The encoding that a Python file declares in its first two lines (PEP 263)."""
    for line in re.split(rb"\r\n|\r|\n", data[:_SNIFFED_BYTES], maxsplit=2)[:2]:
        if match := _COOKIE.match(line):
            name = match.group(1).decode("ascii").lower().replace("_", "-")
            return "no-such-" + name if name in _ESCAPES else name
        if not _BLANK_OR_COMMENT.match(line):
            break
    return "utf-8"
