"""What a definition cache did since it was made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """`size` entries are in memory and `in_flight` keys are being settled right now.

    `hits` came from memory, `store_hits` from the store; `shared` calls joined a flight
    that was in the air. `errors` of the `loads` failed. `discarded` outcomes were not
    kept: invalidated meanwhile, provisional, or refused by the store.
    """

    size: int
    in_flight: int
    hits: int
    store_hits: int
    shared: int
    loads: int
    errors: int
    invalidations: int
    discarded: int


@dataclass(slots=True)
class Tally:
    """The counters behind `CacheStatistics`."""

    hits: int = 0
    store_hits: int = 0
    shared: int = 0
    loads: int = 0
    errors: int = 0
    invalidations: int = 0
    discarded: int = 0

    def statistics(self, *, size: int, in_flight: int) -> CacheStatistics:
        return CacheStatistics(
            size=size,
            in_flight=in_flight,
            hits=self.hits,
            store_hits=self.store_hits,
            shared=self.shared,
            loads=self.loads,
            errors=self.errors,
            invalidations=self.invalidations,
            discarded=self.discarded,
        )
