"""What is done about a batch that failed. Decides, and does none of it."""

from enum import Enum, auto

from engine.embedders import BadVectors, TextTooLong
from engine.errors import WidthwiseError
from engine.jobs import FailureKind, failure_of


class EmbeddingTimeout(WidthwiseError):
    """The embedder gave no answer within its time."""


class Reaction(Enum):
    """HALVE it and all after it; part it in two to FIND the text that is too long; SHORTEN
    that; PAUSE, for it was refused; send it AGAIN; GIVE_UP, and end the pass."""

    HALVE = auto()
    FIND = auto()
    SHORTEN = auto()
    PAUSE = auto()
    AGAIN = auto()
    GIVE_UP = auto()


def reaction_to(error: BaseException, *, texts: int) -> Reaction:
    """What a batch of so many texts calls for after this error.

    What is AGAIN may turn out not to be worth another try.
    """
    match error:
        case EmbeddingTimeout():
            return Reaction.HALVE if texts > 1 else Reaction.GIVE_UP
        case TextTooLong():
            return Reaction.FIND if texts > 1 else Reaction.SHORTEN
        case BadVectors():
            # Who answers wrongly is not to be asked until the answer looks right.
            return Reaction.GIVE_UP
    match failure_of(error).kind:
        case FailureKind.THROTTLED:
            return Reaction.PAUSE
        case FailureKind.TRANSIENT:
            return Reaction.AGAIN
    return Reaction.GIVE_UP


def tells_of_outage(error: BaseException) -> bool:
    """Whether the embedder may be down, as against refusing, or answering what is of no use."""
    if isinstance(error, BadVectors | TextTooLong):
        return False
    return isinstance(error, EmbeddingTimeout) or failure_of(error).kind is FailureKind.TRANSIENT
