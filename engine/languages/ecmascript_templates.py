"""Blank the `<template>` blocks of .gts and .gjs files, so that what is left can be parsed.

Every byte keeps its place and every line its number.
"""

import re

# What a `<template>` can hide in, or that alone. An end that is missing is the end of all.
_TOKEN = re.compile(
    rb"""//[^\n]*|/\*(?:.*?\*/|.*\Z)|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*\""""
    rb"""|`(?:\\.|[^`\\])*(?:`|\Z)|(?P<template><template(?=[\s>])[^<>]*>)""",
    re.DOTALL,
)
_TAG = re.compile(rb"<(?P<slash>/?)template(?=[\s>])")
_SEEN = re.compile(rb"[^\r\n]")
# After these a value is expected, and a template is one; elsewhere it stands for itself.
_VALUE_FOLLOWS = re.compile(rb"(?:[=(,:?\[&|]|\breturn|\bdefault|\bsatisfies)\s*\Z")
_LOOK_BEHIND = 64


def without_templates(source: bytes) -> bytes:
    """The source with blanks for its templates; where a value is needed, an empty string."""
    parts, done = [], 0
    for start, end in _templates(source):
        blank = _SEEN.sub(b" ", source[start:end])
        if _VALUE_FOLLOWS.search(source[max(0, start - _LOOK_BEHIND) : start]):
            blank = b"''" + blank[2:]
        parts += [source[done:start], blank]
        done = end
    return b"".join((*parts, source[done:]))


def _templates(source: bytes) -> list[tuple[int, int]]:
    found = []
    at = 0
    while match := _TOKEN.search(source, at):
        at = match.end()
        if match["template"]:
            end = _end_of_template(source, at)
            if end is None:
                break
            found.append((match.start(), end))
            at = end
    return found


def _end_of_template(source: bytes, start: int) -> int | None:
    """Where the template ends whose content begins at `start`; HTML has templates as well."""
    depth = 1
    for tag in _TAG.finditer(source, start):
        depth += -1 if tag["slash"] else 1
        if not depth:
            end = source.find(b">", tag.end())
            return None if end < 0 else end + 1
    return None
