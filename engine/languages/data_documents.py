"""JSON, YAML and TOML: cut by structure, with the outer keys as symbols. Values are not read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.languages.chunks import Span, SyntaxNode, as_chunks, chunk_tree
from engine.languages.grammars import parsed, syntax_error_line
from engine.languages.language import Analysis, Reference, Resolution, Tree
from engine.languages.ruler import Ruler
from engine.languages.yaml_outline import outline_of

if TYPE_CHECKING:
    from tree_sitter import Node

# Root of the structure, spans of its keys, line of the first syntax error.
_Read = tuple[SyntaxNode, Sequence[Span], int | None]

_DEEPEST_SYMBOL = 3
_SMALLEST_OPENED = 400
_TABLES = {"table", "table_array_element"}
_TOML_KEYS = {"bare_key", "quoted_key", "dotted_key"}
_LONGEST_KEY = 120


@dataclass(frozen=True, slots=True)
class DataDocument:
    """Defines nothing and refers to nothing; who reads it as configuration reads its text.

    A document that is not well formed is cut all the same, with a diagnostic.
    """

    name: str
    suffixes: frozenset[str]
    read: Callable[[bytes], _Read]
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode())
        root, spans, line = self.read(ruler.source)
        pieces = chunk_tree(ruler, root, spans=spans, chunk_chars=chunk_chars)
        diagnostics = () if line is None else (f"syntax error near line {line}",)
        return Analysis(self.name, chunks=as_chunks(ruler, pieces), diagnostics=diagnostics)

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        return Resolution()


def _read_json(source: bytes) -> _Read:
    root = parsed("tree_sitter_json", source)
    return root, list(_json_spans(root)), syntax_error_line(root)


def _read_toml(source: bytes) -> _Read:
    root = parsed("tree_sitter_toml", source)
    return root, list(_toml_spans(root)), syntax_error_line(root)


def _read_yaml(source: bytes) -> _Read:
    root, spans = outline_of(source)
    return root, spans, None


JSON = DataDocument(
    "json", frozenset({".json", ".jsonc", ".json5", ".geojson", ".webmanifest"}), _read_json
)
TOML = DataDocument("toml", frozenset({".toml"}), _read_toml)
YAML = DataDocument("yaml", frozenset({".yaml", ".yml"}), _read_yaml)


def _json_spans(root: "Node") -> Iterator[Span]:
    """The outer keys; inside a value only when it is so large that it may be cut."""
    todo = [(child, "") for child in root.children if child.type == "object"]
    depth = {"": 0}
    while todo:
        node, path = todo.pop()
        for pair in node.children:
            name = pair.child_by_field_name("key") if pair.type == "pair" else None
            value = pair.child_by_field_name("value") if name is not None else None
            if name is None or value is None:
                continue
            inner = ".".join(filter(None, (path, _key(name))))
            yield Span(pair.start_byte, pair.end_byte, inner, "key")
            opened = value.type == "object" and value.end_byte - value.start_byte > _SMALLEST_OPENED
            if opened and depth[path] + 1 < _DEEPEST_SYMBOL:
                depth[inner] = depth[path] + 1
                todo.append((value, inner))


def _toml_spans(root: "Node") -> Iterator[Span]:
    for node in root.children:
        name = next((child for child in node.children if child.type in _TOML_KEYS), None)
        if name is not None:
            kind = "table" if node.type in _TABLES else "key"
            yield Span(node.start_byte, node.end_byte, _key(name), kind)


def _key(name: "Node") -> str:
    return (name.text or b"").decode(errors="ignore").strip("\"'")[:_LONGEST_KEY]
