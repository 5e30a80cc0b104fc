"""Cards: what one adopts from and links to, with its content as its definition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.languages.card_document import Card, MalformedCard, read_card
from engine.languages.data_documents import JSON
from engine.languages.ecmascript_modules import resolve_modules
from engine.languages.language import Analysis, Binding, Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, folder_of, joined

ADOPTS = "adoptsFrom"
LINKS = "links."
FIELDS = "fields."
CARD_MARK = "card "
MALFORMED_MARK = "malformed "

_LONGEST_REFERENCE = 500
_MOST_LINKS = 1_000


@dataclass(frozen=True, slots=True)
class CardDocument:
    """Documents of a card realm; which of its files are, the realm's source decides.

    The definition of a card holds all of it, for the cards that link to it show it; what
    the card adopts from is passed on, so that they see whether it was found.
    """

    name: str = "card"
    suffixes: frozenset[str] = frozenset()
    version: int = 2

    def analyse(self, key: str, text: str, *, chunk_chars: int) -> Analysis:
        analysis = replace(JSON.analyse(key, text, chunk_chars=chunk_chars), language=self.name)
        if not text.strip():
            return analysis
        try:
            card = read_card(text)
        except MalformedCard as error:
            return replace(analysis, detail=MALFORMED_MARK + str(error))
        if card is None:
            return analysis
        references = tuple(_references(card))
        return replace(analysis, references=references, detail=CARD_MARK + card.as_text())

    def resolve(self, references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
        modules = [each for each in references if _is_module(each)]
        # As a module beside the card would find them.
        found = resolve_modules(modules, f"{key}.gts", tree)
        asked = ProbedTree(tree)
        links = [
            Link(binding.local, target, "", exported=False)
            for each in references
            if each not in modules and (target := _linked(each.text, folder_of(key), asked))
            for binding in each.bindings
        ]
        probes = tuple(sorted({*found.probes, *asked.probes}))
        return Resolution((*found.links, *dict.fromkeys(links)), probes, found.consulted)


CARD = CardDocument()


def card_of(detail: str) -> Card | None:
    """The card that a definition of this detail is of; `MalformedCard` if the file is no JSON."""
    if detail.startswith(MALFORMED_MARK):
        raise MalformedCard(detail.removeprefix(MALFORMED_MARK))
    return Card.from_text(detail.removeprefix(CARD_MARK)) if detail.startswith(CARD_MARK) else None


def _references(card: Card) -> Iterator[Reference]:
    if 0 < len(card.module) <= _LONGEST_REFERENCE:
        yield Reference(card.module, (Binding(card.name, ADOPTS, exported=True),))
    for name, (module, class_name) in list(card.fields.items())[:_MOST_LINKS]:
        if 0 < len(module) <= _LONGEST_REFERENCE:
            yield Reference(module, (Binding(class_name, FIELDS + name, exported=False),))
    for name, target in list(card.links.items())[:_MOST_LINKS]:
        if len(target) <= _LONGEST_REFERENCE:
            yield Reference(target, (Binding("", LINKS + name, exported=False),))


def _is_module(reference: Reference) -> bool:
    local = reference.bindings[0].local
    return local == ADOPTS or local.startswith(FIELDS)


def _linked(target: str, folder: str, tree: ProbedTree) -> str | None:
    """The card that a link leads to, which may be written without its extension."""
    if ":" in target or target.startswith("//"):
        return None
    key = joined("" if target.startswith("/") else folder, target)
    if not key:
        return None
    key = key if key.endswith(".json") else f"{key}.json"
    return key if key in tree else None
