"""References that stand in expressions of JavaScript: `require`, `import()` and `new URL`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from engine.languages.ecmascript_declarations import bound_names
from engine.languages.ecmascript_declared import text_of
from engine.languages.ecmascript_grammars import Parsed
from engine.languages.language import Binding

_ANY = re.compile(rb"\brequire\b|\bimport\s*\(|\bimport\.meta\.url\b")
_IMPORT = re.compile(r"""\bimport\s*\(\s*(?:/\*.*?\*/\s*)*(["'])([^"'\\\r\n]{1,500})\1""")
_EXPORTED = re.compile(
    r"""^[ \t]*export\s+import\s+([\w$]+)\s*=\s*require\s*\(\s*(["'])([^"'\\\r\n]{1,500})\2""",
    re.MULTILINE,
)
_WHOLE = re.compile(r"(?:(?:module\.)?exports\s*=\s*)*(?:module\.)?exports")
_NAMED = re.compile(r"(?:module\.)?exports\.([\w$]+)")

_CALL = """(call_expression
    function: [(identifier) (import) (member_expression)] @callee
    arguments: (arguments (string) @source))"""
_VALUES = (
    _CALL,
    f"(await_expression {_CALL})",
    f"(member_expression object: {_CALL} property: (property_identifier) @property)",
    f"(call_expression function: (_) @wrapper arguments: (arguments . {_CALL}))",
)
_PATTERNS = "\n".join(
    (
        _CALL,
        f"(call_expression function: (_) @wrapper arguments: (arguments . {_CALL}))",
        *(f"(variable_declarator name: (_) @target value: {value})" for value in _VALUES),
        *(f"(assignment_expression left: (_) @target right: {value})" for value in _VALUES),
        """(new_expression constructor: (identifier) @callee arguments: (arguments .
        (string) @source (member_expression object: (_) @meta)))""",
    )
)


@dataclass(frozen=True, slots=True)
class Required:
    """A module that an expression loads. `is_node` says that only Node.js would know how."""

    start: int
    text: str
    bindings: tuple[Binding, ...]
    is_node: bool


def required(parsed: Parsed, source: bytes) -> list[Required]:
    """The modules that expressions anywhere in the file load by a literal name, in order."""
    if not _ANY.search(source):
        return []
    found: dict[int, tuple[int, Required]] = {}
    for each in parsed.matches(_PATTERNS):
        load = _required(each)
        # The match that knows most of what stands around the call says what it binds.
        if load is not None and len(each) >= found.get(load.start, (0, load))[0]:
            found[load.start] = (len(each), load)
    loads = [load for _, load in found.values()]
    return sorted((*loads, *_in_types(source, loads)), key=lambda load: load.start)


def _required(each: dict[str, Node]) -> Required | None:
    callee = text_of(each["callee"])
    by_url = callee == "URL" and text_of(each.get("meta")) == "import.meta"
    if callee not in {"require", "import", "require.resolve"} and not by_url:
        return None
    text = text_of(each["source"])[1:-1]
    is_node = callee.startswith("require")
    return Required(each["source"].start_byte, text, tuple(_bindings(each)), is_node)


def _bindings(each: dict[str, Node]) -> Iterator[Binding]:
    target, name = each.get("target"), text_of(each.get("property"))
    star = text_of(each.get("wrapper")).endswith("__exportStar")
    if target is None:
        yield Binding("*", "*", exported=True) if star else Binding("", "", exported=False)
    elif target.type in {"object_pattern", "array_pattern"}:
        bound = [(n, source) for n, source in bound_names(target) if n]
        yield from (Binding(name or source, local, exported=False) for local, source in bound)
        yield from () if bound else (Binding("", "", exported=False),)
    elif target.type == "identifier" and text_of(target) != "exports":
        yield Binding(name, text_of(target), exported=False)
    else:
        yield _assigned(text_of(target), name)


def _assigned(target: str, name: str) -> Binding:
    """What `module.exports = require(...)` and `exports.x = require(...)` pass on."""
    if _WHOLE.fullmatch(target):
        return Binding(name or "*", "default" if name else "*", exported=True)
    named = _NAMED.fullmatch(target)
    return Binding(name, named[1] if named else "", exported=named is not None)


def _in_types(source: bytes, loads: list[Required]) -> Iterator[Required]:
    """What the trees do not tell: `import("x")` in types and documentation, and one more."""
    known = {load.start for load in loads}
    text = source.decode()
    for match in _IMPORT.finditer(text):
        if (start := _offset(source, text, match.start(1))) not in known:
            yield Required(start, match[2], (Binding("", "", exported=False),), is_node=False)
    # The grammar for TypeScript has no rule for `export import x = require("y")`.
    for match in _EXPORTED.finditer(text):
        start = _offset(source, text, match.start(2))
        yield Required(start, match[3], (Binding("", match[1], exported=True),), is_node=False)


def _offset(source: bytes, text: str, at: int) -> int:
    return at if len(text) == len(source) else len(text[:at].encode())
