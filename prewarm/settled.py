"""How the flight of a key ended, and how its callers are told."""

from dataclasses import dataclass

from prewarm.definition import Definition, Key
from prewarm.errors import DefinitionError
from prewarm.store import Failure

REASON_CHARS = 2000
"""A reason is one line for people; nothing longer is kept of an error."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of a flight, and the empty definitions of a cycle that it rests on."""

    outcome: Definition | Failure
    provisional: frozenset[Key] = frozenset()
    cause: Exception | None = None

    def unwrap(self, key: Key) -> Definition:
        if isinstance(self.outcome, Failure):
            raise DefinitionError(key, self.outcome.reason) from self.cause
        return self.outcome


def opened(key: Key, outcome: Definition | Failure) -> Definition | DefinitionError:
    return DefinitionError(key, outcome.reason) if isinstance(outcome, Failure) else outcome


def reason_of(error: Exception, key: Key) -> str:
    if isinstance(error, DefinitionError):
        return error.reason if error.key == key else str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:REASON_CHARS]
