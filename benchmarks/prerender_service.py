"""A prerender service in a process of its own: tabs, and cards whose modules need tabs as well.

`POST /card` and `POST /module` are what an `HttpRenderer` asks, `POST /visit` renders a key that
needs nothing. A card or module keeps its tab until all modules that it needs are loaded; one that
nobody has asked for it loads itself, in another tab, once for all who wait. That is the deadlock:
with a card in each tab that waits for a module, only the time limit frees one.

`PUT /behaviour` sets how it is and begins a new log, `GET /log` tells each call.
"""

import asyncio
import hashlib
import itertools
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.loopback import Answer, served

HTML = "<h1>Rendered <b>{}</b></h1>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How long things take, all in seconds, and what needs what.

    A key renders `visit_seconds`, give or take a share of up to `jitter`; of so many keys
    (`stall_rate`) one takes `stall_seconds` more. Chance is the key's hash, so that a key takes
    as long however it is scheduled. A tab that last rendered another realm, or nothing, is cold.
    One realm has at most `affinity_tabs` of the `tabs`. What keeps a tab for `limit_seconds` gets
    504. `imports` says which modules a module needs.
    """

    tabs: int = 5
    affinity_tabs: int = 5
    visit_seconds: float = 0.03
    jitter: float = 0.0
    stall_rate: float = 0.0
    stall_seconds: float = 0.0
    cold_seconds: float = 0.0
    limit_seconds: float = 0.6
    imports: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def seconds(self, key: str) -> float:
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        share, stalls = (int.from_bytes(half, "big") / 2**32 for half in (digest[:4], digest[4:]))
        stalled = self.stall_seconds if stalls < self.stall_rate else 0.0
        return self.visit_seconds * (1 + self.jitter * (2 * share - 1)) + stalled


@dataclass(slots=True)
class Call:
    """One render: asked for, given a tab, ended; by the clock that processes share.

    `working_seconds` are those in which the tab did something: it was not waiting for another.
    """

    kind: str
    realm: str
    key: str
    asked_at: float
    given_at: float = 0.0
    ended_at: float = 0.0
    working_seconds: float = 0.0
    is_cold: bool = False
    is_late: bool = False


@dataclass(slots=True)
class Tab:
    realm: str = ""
    is_taken: bool = False


class Tabs:
    """Tabs, and those who wait for one in line. A realm gets its own back, or one of another."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._tabs = [Tab() for _ in range(behaviour.tabs)]
        self._line: deque[tuple[str, asyncio.Future[tuple[Tab, bool]]]] = deque()

    async def take(self, realm: str) -> tuple[Tab, bool]:
        """A tab, and whether it is cold."""
        given: asyncio.Future[tuple[Tab, bool]] = asyncio.get_running_loop().create_future()
        self._line.append((realm, given))
        self._give()
        return await given

    def free(self, tab: Tab) -> None:
        tab.is_taken = False
        self._give()

    def _give(self) -> None:
        for waiting in list(self._line):
            realm, given = waiting
            tab = self._for(realm)
            if tab is not None:
                self._line.remove(waiting)
                given.set_result((tab, tab.realm != realm))
                tab.realm, tab.is_taken = realm, True

    def _for(self, realm: str) -> Tab | None:
        free = [tab for tab in self._tabs if not tab.is_taken]
        own = [tab for tab in free if tab.realm == realm]
        of_realm = sum(tab.realm == realm for tab in self._tabs)
        others = free if of_realm < self._behaviour.affinity_tabs else []
        unused_first = sorted(others, key=lambda tab: tab.realm != "")
        return next(itertools.chain(own, unused_first), None)


class Prerender:
    def __init__(self) -> None:
        self._begin(Behaviour())

    def _begin(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._tabs = Tabs(behaviour)
        self._calls: list[Call] = []
        self._loads: dict[tuple[str, str], asyncio.Task[bool]] = {}

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        match method, path:
            case "PUT", "/behaviour":
                self._begin(Behaviour(**json.loads(body)))
                return 200, b"{}"
            case "GET", "/log":
                return 200, json.dumps([asdict(call) for call in self._calls]).encode()
        message = json.loads(body)
        return await self._rendered(path.removeprefix("/"), message["realm"], message)

    async def _rendered(
        self, kind: str, realm: str, message: Mapping[str, Any]
    ) -> tuple[int, bytes]:
        key = message["key"]
        if kind == "module":
            is_done = await asyncio.shield(self._load(realm, key))
        else:
            is_done = await self._render(kind, realm, key, _needed(message))
        if not is_done:
            return 504, b'{"error": "took too long"}'
        return 200, json.dumps({"html": HTML.format(key)}).encode()

    def _load(self, realm: str, key: str) -> asyncio.Task[bool]:
        """The load of a module that is there or under way, or a new one."""
        load = self._loads.get((realm, key))
        if load is None or (load.done() and not load.result()):
            needed = self._behaviour.imports.get(key, ())
            load = asyncio.create_task(self._render("module", realm, key, needed))
            self._loads[realm, key] = load
        return load

    async def _render(self, kind: str, realm: str, key: str, needed: Sequence[str]) -> bool:
        behaviour = self._behaviour
        call = Call(kind, realm, key, time.monotonic())
        self._calls.append(call)
        tab, call.is_cold = await self._tabs.take(realm)
        call.given_at = time.monotonic()
        try:
            async with asyncio.timeout(behaviour.limit_seconds):
                # One after the other, as a page meets what it needs.
                for each in needed:
                    await asyncio.shield(self._load(realm, each))
                began = time.monotonic()
                cold = behaviour.cold_seconds if call.is_cold else 0.0
                await asyncio.sleep(behaviour.seconds(key) + cold)
                call.working_seconds = time.monotonic() - began
        except TimeoutError:
            # Its page is thrown away.
            call.is_late, tab.realm = True, ""
        finally:
            call.ended_at = time.monotonic()
            self._tabs.free(tab)
        return not call.is_late


def _needed(message: Mapping[str, Any]) -> list[str]:
    """The modules of a card's classes, from the most general on."""
    classes = message.get("document", {}).get("classes", ())
    keys = (str(each).rpartition("#")[0] for each in reversed(classes))
    return [key for key in keys if ":" not in key]


@contextmanager
def prerender_service() -> Iterator[str]:
    """The URL of a service that runs for the length of the block."""
    with served(_endpoints) as url:
        yield url


def _endpoints() -> Answer:
    return Prerender().answer
