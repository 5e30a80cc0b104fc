"""Cut a text into chunks along its syntax tree. Knows no language: the tree and spans say all.

What fits the bound stays whole, from the top down: the file, else its statements, else
what those consist of, down to tokens. Small neighbours join up to the bound, but not
across the border of a definition that had to be cut. Only what is cut is walked, so
the cost follows the number of chunks and not of tokens.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from engine.languages.language import Chunk
from engine.languages.packer import Packed, Packer
from engine.languages.ruler import Ruler

Names = Callable[[str], tuple[str, ...]]

# Nodes of these types belong to what follows directly below them.
_ATTACHED = frozenset(
    {"comment", "line_comment", "block_comment", "decorator", "attribute_item", "hash_bang_line"}
)


class SyntaxNode(Protocol):
    """What is asked of a tree: a node of tree-sitter, or one of an outline."""

    @property
    def type(self) -> str: ...
    @property
    def start_byte(self) -> int: ...
    @property
    def end_byte(self) -> int: ...
    @property
    def children(self) -> Sequence["SyntaxNode"]: ...


class Span(NamedTuple):
    """Where a symbol stands, in bytes. The end is exclusive.

    Start and end are those of the outermost node that belongs to the definition and to
    nothing else: with its decorators and `export`, without its comments.
    """

    start: int
    end: int
    symbol: str
    kind: str


class Piece(NamedTuple):
    """A range of the source that becomes a chunk, with the innermost symbol around it."""

    start: int
    end: int
    symbol: str = ""
    kind: str = ""


# Nodes of these types are cut rather than parted from a small head.
_BODIES = frozenset(
    {"block", "class_body", "statement_block", "compound_statement", "declaration_list"}
    | {"field_declaration_list", "body_statement", "constructor_body"}
)

_LONGEST_INDENT = 256

_NO_SPAN = Span(0, 0, "", "")


def chunk_tree(
    ruler: Ruler, root: SyntaxNode, *, spans: Sequence[Span] = (), chunk_chars: int
) -> list[Piece]:
    """The pieces of a parsed text, in order.

    Every character that is not blank is in exactly one piece, none has more than
    `chunk_chars` characters, and none is blank. A piece starts at the start of its line
    when only indentation stands before it. Any tree will do, also one full of errors.
    """
    cutter = _TreeCutter(ruler, spans, chunk_chars)
    cutter.cut(root)
    return _labelled(ruler.source, cutter.pieces, cutter.spans)


def chunk_text(ruler: Ruler, *, chunk_chars: int) -> list[Piece]:
    """The pieces of a text without a tree: by paragraph, line, blank, word, character."""
    packer = Packer(ruler, limit=chunk_chars)
    packer.add_text(0, len(ruler.source))
    packer.finish()
    return [Piece(start, end) for start, end, _ in packer.pieces]


def cut_text(text: str, chunk_chars: int) -> list[str]:
    """A text without a tree in pieces of at most so many characters."""
    ruler = Ruler(text.encode())
    pieces = chunk_text(ruler, chunk_chars=chunk_chars)
    return [ruler.source[start:end].decode() for start, end, *_ in pieces]


def as_chunks(
    ruler: Ruler, pieces: Sequence[Piece], *, names: Names | None = None
) -> tuple[Chunk, ...]:
    """The pieces with their text and lines; `names` lists the bound identifiers in a text."""
    return tuple(_chunk(ruler, piece, names) for piece in pieces)


def _chunk(ruler: Ruler, piece: Piece, names: Names | None) -> Chunk:
    text = ruler.source[piece.start : piece.end].decode()
    return Chunk(
        text=text,
        start_line=ruler.line(piece.start),
        end_line=ruler.line(piece.end - 1),
        symbol=piece.symbol,
        kind=piece.kind,
        names=names(text) if names else (),
    )


def _labelled(source: bytes, ranges: Sequence[Packed], spans: Sequence[Span]) -> list[Piece]:
    """One sweep over both: `around` holds the spans that are open at the current range."""
    coming = sorted(spans, key=lambda span: (-span.start, span.end))
    around: list[Span] = []
    pieces = []
    for start, end, told in ranges:
        text = end - len(source[start:end].lstrip())
        while coming and coming[-1].start <= text:
            around.append(coming.pop())
        while around and around[-1].end <= text:
            around.pop()
        span = next((span for span in reversed(around) if span.end >= told), _NO_SPAN)
        pieces.append(Piece(start, end, span.symbol, span.kind))
    return pieces


class _Part(NamedTuple):
    """Neighbouring nodes that should stay together, and the range that they answer for.

    `separated` parts stand in a definition whose border was already marked.
    """

    start: int
    end: int
    nodes: Sequence[SyntaxNode]
    separated: bool = False


class _TreeCutter:
    def __init__(self, ruler: Ruler, spans: Sequence[Span], limit: int) -> None:
        self._source = ruler.source
        self._packer = Packer(ruler, limit=limit)
        self._spans = {(span.start, span.end): span for span in spans}

    @property
    def pieces(self) -> list[Packed]:
        return self._packer.pieces

    @property
    def spans(self) -> list[Span]:
        """The spans, each with the comments that belong to it as far as that was asked."""
        return list(self._spans.values())

    def cut(self, root: SyntaxNode) -> None:
        # `None` stands for the end of a definition that was cut.
        todo: list[_Part | None] = [_Part(0, len(self._source), (root,))]
        while todo:
            part = todo.pop()
            if part is None:
                self._packer.finish()
            elif self._packer.fits(part.start, part.end) and not self._loses_head(part):
                self._packer.add(part.start, part.end)
            else:
                todo.extend(reversed(self._cut_up(part)))
        self._packer.finish()

    def _loses_head(self, part: _Part) -> bool:
        """Whether the part is a body that would leave a chunk with nothing but its head."""
        if self._packer.joins(part.end):
            return False
        return self._packer.is_small_head() and part.nodes[0].type in _BODIES

    def _cut_up(self, part: _Part) -> Sequence[_Part | None]:
        inner = self._opened(part)
        if not inner:
            self._packer.add_text(part.start, part.end)
            return ()
        if part.separated or not self._is_definition(part):
            return inner
        self._packer.separate()
        return (*inner, None)

    def _opened(self, part: _Part) -> list[_Part]:
        """The parts that a part consists of; none for a token."""
        if len(part.nodes) > 1:
            return self._parts(part, part.nodes, separated=self._is_definition(part))
        children = part.nodes[0].children
        return self._joined(self._parts(part, children)) if children else []

    def _is_definition(self, part: _Part) -> bool:
        return any((node.start_byte, node.end_byte) in self._spans for node in part.nodes)

    def _parts(
        self, part: _Part, nodes: Sequence[SyntaxNode], *, separated: bool = False
    ) -> list[_Part]:
        """One part a node. What stands between two nodes goes to the first of them."""
        parts = []
        start = part.start
        borders = [node.start_byte for node in nodes[1:]]
        for node, border in zip(nodes, (*borders, part.end), strict=True):
            end = node.end_byte
            if end != border and (end > border or self._source[end:border].strip()):
                end = border
            if end > start:
                parts.append(_Part(start, end, (node,), separated))
                start = border
        return parts

    def _joined(self, parts: list[_Part]) -> list[_Part]:
        """The parts, with comments and decorators joined to what they belong to."""
        if not any(part.nodes[0].type in _ATTACHED for part in parts):
            return parts
        groups: list[list[_Part]] = []
        for part in parts:
            if groups and self._belongs_to(groups[-1], part):
                groups[-1].append(part)
            else:
                groups.append([part])
        return [self._group(group) if len(group) > 1 else group[0] for group in groups]

    def _belongs_to(self, group: list[_Part], part: _Part) -> bool:
        """Whether a part is a comment behind a group, or stands directly below its comments."""
        comments = group[-1].nodes[0].type in _ATTACHED
        if not comments and part.nodes[0].type not in _ATTACHED:
            return False
        breaks = self._breaks_before(part.nodes[0].start_byte)
        if comments and (len(group) == 1 or group[-2].nodes[0].type in _ATTACHED):
            return breaks <= 1
        return breaks == 0

    def _breaks_before(self, at: int) -> int:
        """How many lines end in the blanks before a place. Some grammars count them to a node."""
        text = self._source[max(0, at - _LONGEST_INDENT) : at]
        return text.count(b"\n", len(text.rstrip()))

    def _group(self, parts: Sequence[_Part]) -> _Part:
        nodes = [part.nodes[0] for part in parts]
        start, end = nodes[0].start_byte, nodes[-1].end_byte
        for node in nodes:
            if span := self._spans.get((node.start_byte, node.end_byte)):
                self._spans[span.start, span.end] = span._replace(start=start, end=end)
        return _Part(parts[0].start, parts[-1].end, nodes, parts[0].separated)
