"""Cards: documents whose classes are written in modules beside them."""

from engine.cards.types import CardBroken
from engine.cards.visitor import visit_card

__all__ = ["CardBroken", "visit_card"]
