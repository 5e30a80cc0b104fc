"""Markdown: sections as chunks, and relative links as references."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from engine.languages.chunks import as_chunks, chunk_tree
from engine.languages.language import Analysis, Binding, Link, Reference, Resolution, Tree
from engine.languages.markdown_outline import Block, blocks_of, outline_of
from engine.languages.probed_tree import ProbedTree, folder_of, joined
from engine.languages.ruler import Ruler

# Each starts at a fixed mark and is bounded, so that no text makes them slow.
_TARGETS = (
    re.compile(r"\]\([ \t]*(?:<([^<>\r\n]{1,500})>|([^()\s<>]{1,500}))"),
    re.compile(r"^ {0,3}\[[^\]\r\n]{1,200}\]:[ \t]*<?([^<>\s]{1,500})()", re.MULTILINE),
    re.compile(r"\b(?:src|href)=(?:\"([^\"<>\r\n]{1,500})\"|'([^'<>\r\n]{1,500})')"),
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_FOLDER_PAGES = ("README.md", "index.md")


@dataclass(frozen=True, slots=True)
class Markdown:
    """A section carries the path of its headings, `Install > Linux`, as its symbol."""

    name: str = "markdown"
    suffixes: frozenset[str] = frozenset({".md", ".markdown", ".mdx"})
    version: int = 1

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        ruler = Ruler(text.encode())
        blocks = blocks_of(ruler.source)
        root, spans = outline_of(ruler.source, blocks)
        pieces = chunk_tree(ruler, root, spans=spans, chunk_chars=chunk_chars)
        targets = dict.fromkeys(_targets(ruler.source, blocks))
        return Analysis(
            language=self.name,
            references=tuple(_reference(target) for target in targets),
            chunks=as_chunks(ruler, pieces),
        )

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        probed = ProbedTree(tree)
        links = [link for reference in references for link in _links(reference, key, probed)]
        return Resolution(tuple(links), tuple(sorted(probed.probes)))


MARKDOWN = Markdown()


def _targets(source: bytes, blocks: Sequence[Block]) -> Iterator[str]:
    """The relative targets of links and images outside fenced code, without fragments."""
    for block in blocks:
        if block.kind == "fence":
            continue
        text = source[block.start : block.end].decode()
        for pattern in _TARGETS:
            for match in pattern.finditer(text):
                target = re.split(r"[#?]", match[1] or match[2], maxsplit=1)[0]
                if target and not _SCHEME.match(target):
                    yield target


def _reference(target: str) -> Reference:
    return Reference(target, (Binding("", target, exported=False),))


def _links(reference: Reference, key: str, tree: ProbedTree) -> Iterator[Link]:
    path = unquote(reference.text)
    folder = "" if path.startswith("/") else folder_of(key)
    target = joined(folder, path)
    if target is None:
        return
    found = next((each for each in _candidates(target, path) if each in tree), None)
    for binding in reference.bindings:
        if found not in {None, key}:
            yield Link(binding.local, str(found), binding.name, binding.exported)


def _candidates(target: str, path: str) -> Iterator[str]:
    """The file itself, the page that it names without a suffix, the first page of a folder."""
    if target and not path.endswith("/"):
        yield target
    if "." not in target.rpartition("/")[2]:
        if target and not path.endswith("/"):
            yield f"{target}.md"
        yield from (f"{target}/{page}".lstrip("/") for page in _FOLDER_PAGES)
