"""Visits cards: each entry is the card's search document. Reads definitions only."""

from engine.cards.search_document import Linked, search_document, search_text, title_of
from engine.cards.shapes import shape_of, typed_attributes
from engine.cards.types import CardBroken, Place, chain_of
from engine.languages import ADOPTS, FIELDS, LINKS, Card, MalformedCard, card_of, cut_text
from engine.visit import DefinitionUnavailable, DraftChunk, File, Visit, VisitContext
from prewarm import Definition

CARD_CHARS = 1200


async def visit_card(file: File, context: VisitContext) -> Visit | None:
    """The card's entry; nothing for a document that is no card after all.

    Raises `CardBroken` where the card is malformed, or a module of its class is missing or
    can't be used. What is wrong with a card that it links to is a diagnostic.
    """
    card = _card(await context.definition(file.key))
    if card is None:
        return None
    chain = await chain_of(_adopted(card, file), context)
    others = _others(card, file)
    typed = typed_attributes(card.attributes, await shape_of(chain, context, others=others))
    linked, unlinked = await _linked(card, file, context)
    text = search_text(chain, typed.values, linked)
    lines = max((chunk.end_line for chunk, _ in file.chunks), default=1)
    title = title_of(typed.values)
    drafts = tuple(
        DraftChunk(piece, 1, lines, title, "card") for piece in cut_text(text, CARD_CHARS)
    )
    diagnostics = (*file.diagnostics, *typed.problems, *unlinked)
    return Visit(drafts, diagnostics, search_document(chain, typed.values, linked))


def _card(definition: Definition) -> Card | None:
    try:
        return card_of(definition.detail)
    except MalformedCard as error:
        raise CardBroken(f"{definition.key} is not well formed: {error}") from None


def _adopted(card: Card, file: File) -> Place:
    for link in file.links:
        if link.local == ADOPTS:
            return Place(link.key, link.name)
    if _is_external(card.module):
        return Place(card.module, card.name, is_external=True)
    raise CardBroken(
        f"{card.name} ({card.module}): {file.key} adopts from {card.module}, which no file provides"
    )


def _others(card: Card, file: File) -> dict[str, Place]:
    """The fields whose class is another one in this card, by `meta.fields`."""
    keys = {link.local: link.key for link in file.links}
    found = {}
    for field, (module, name) in card.fields.items():
        key = keys.get(FIELDS + field)
        if key is None and not _is_external(module):
            reason = f"{file.key} has {field} from {module}, which no file provides"
            raise CardBroken(f"{name} ({module}): {reason}")
        found[field] = Place(module, name, True) if key is None else Place(key, name)
    return found


def _is_external(reference: str) -> bool:
    return not reference.startswith((".", "/"))


async def _linked(card: Card, file: File, context: VisitContext) -> tuple[list[Linked], list[str]]:
    """The cards that are linked to, and a line for each link that leads to none."""
    found, problems = [], []
    keys = {link.local: link.key for link in file.links}
    for field, target in card.links.items():
        key = keys.get(LINKS + field)
        if key is None:
            known = "outside of the realm" if _is_outside(target) else "which no file provides"
            problems.append(f"{field} links to {target}, {known}")
            continue
        try:
            other, problem = await _other(key, context)
        except DefinitionUnavailable:
            continue  # The context says so.
        if other is not None:
            found.append(Linked(field, key, other))
        if problem:
            problems.append(f"{field} links to {key}, {problem}")
    return found, problems


async def _other(key: str, context: VisitContext) -> tuple[Card | None, str]:
    definition = await context.definition(key)
    try:
        card = card_of(definition.detail)
    except MalformedCard:
        return None, "which is not well formed"
    if card is None:
        return None, "which is no card"
    found = any(each.name == ADOPTS for each in definition.reexports)
    missing = not found and not _is_external(card.module)
    return card, f"whose module {card.module} no file provides" if missing else ""


def _is_outside(target: str) -> bool:
    return ":" in target or target.startswith("//")
