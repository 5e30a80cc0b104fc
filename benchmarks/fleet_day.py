"""A day in the life of a fleet: who edits what and when, and what goes wrong. Simulates nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from benchmarks.fleet_pass import Edit, Realm
from benchmarks.fleet_provider import Terms

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR

# An edit in two hundred is a merge of much; the others are a few files.
LARGE_EDITS: Final = 0.005
CHUNKS_OF_FILE: Final = 8
BATCH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One push that concerns many realms of one tenant, told of in one request."""

    at: float
    realms: int
    tenant: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often in the day a host is killed, or cut off, and for how long it is away then; when
    new code is brought to all hosts, one after the other."""

    deaths: int = 0
    away_seconds: float = 30.0
    cuts: int = 0
    cut_seconds: float = 120.0
    deploys: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """`told` is the share of edits that somebody tells of; the others are found by comparing.
    Without turns the realms are nobody's, and one line is for all."""

    name: str = "quiet"
    seconds: float = DAY
    realms: int = 10_000
    tenants: int = 200
    has_turns: bool = True
    edits_of_realm: float = 6.0
    told: float = 0.9
    reconcile_seconds: float = 300.0
    hosts: int = 8
    slots: int = 2
    bursts: Sequence[Burst] = ()
    provider: Terms = field(default_factory=Terms)
    faults: Faults = field(default_factory=Faults)
    lease_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What happens to some realms at one time."""

    at: float
    realms: Sequence[int]
    edits: Sequence[Edit]


def realms_of(day: Day, chance: Random) -> list[Realm]:
    """The first tenant has most, the others ever fewer (Zipf's law)."""
    shares = [1 / (rank + 1) for rank in range(day.tenants)]
    names = [f"tenant{rank}" for rank in range(day.tenants)]
    owners = chance.choices(names, shares, k=day.realms)
    return [
        Realm(number, owner, max(5, int(chance.lognormvariate(math.log(150), 1.4))))
        for number, owner in enumerate(owners)
    ]


def moments(day: Day, realms: Sequence[Realm], chance: Random) -> list[Moment]:
    return sorted(
        [*_edits(day, realms, chance), *_bursts(day, realms, chance)], key=lambda each: each.at
    )


def _edits(day: Day, realms: Sequence[Realm], chance: Random) -> Iterator[Moment]:
    """More by day than by night, and most in a few realms."""
    count = int(day.realms * day.edits_of_realm * day.seconds / DAY)
    busy = [1 / (rank + 10) for rank in range(len(realms))]
    for number in chance.choices(range(len(realms)), busy, k=count):
        at = _time_of_day(chance) * day.seconds
        is_told = chance.random() < day.told
        yield Moment(at, (number,), (edit_of(realms[number], at, chance, is_told=is_told),))


def _time_of_day(chance: Random) -> float:
    """Noon is nine times as busy as midnight."""
    while True:
        at = chance.random()
        if chance.random() < 0.2 + 0.8 * math.sin(math.pi * at) ** 2:
            return at


def edit_of(realm: Realm, at: float, chance: Random, *, is_told: bool = True) -> Edit:
    if chance.random() < LARGE_EDITS:
        files = max(1, realm.files // 2)
        chunks = files * CHUNKS_OF_FILE
    else:
        files = min(realm.files, 1 + int(chance.lognormvariate(0.7, 1.0)))
        chunks = files * CHUNKS_OF_FILE // 4
    return Edit(at, files, max(1, files // 3), math.ceil(chunks / BATCH), is_told)


def _bursts(day: Day, realms: Sequence[Realm], chance: Random) -> Iterator[Moment]:
    for burst in day.bursts:
        owner = f"tenant{burst.tenant}"
        mine = [realm.id for realm in realms if realm.tenant == owner]
        concerned = mine[: burst.realms]
        edits = tuple(edit_of(realms[number], burst.at, chance) for number in concerned)
        yield Moment(burst.at, concerned, edits)
