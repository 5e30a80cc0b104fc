"""What do ten thousand realms, a burst, an outage and dying hosts do to each other in a day?

    python -m benchmarks.fleet
    python -m benchmarks.fleet --realms 2000 --hours 6 --days outage dying --keep

Discrete events on one processor, no database and no network. Claims, turns, pauses, retries, the
breaker, windows of calls and how many visits run at once are the engine's own functions, imported.
What is assumed: how long a fetch, a visit and a call take, who edits when, what goes wrong.

`engine` decides as the engine does. `all at once` does so too, but for two things: every worker
with room asks for work after all news, and who is told when to come back comes at that moment.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Final

from benchmarks.fleet_day import DAY, HOUR, Burst, Day, Faults
from benchmarks.fleet_faults import Mishaps
from benchmarks.fleet_figures import Figures, Live, figures_of, percentiles
from benchmarks.fleet_hosts import Fleet
from benchmarks.fleet_provider import Phase, Terms
from benchmarks.fleet_rules import AT_ONCE, ENGINE, Rules
from benchmarks.results import Panel, Result, Row, add_options, figures, publish, question

HOSTS: Final = (1, 2, 8, 32, 100)
# What is shown of a burst, behind it and in steps.
BURST_MINUTES: Final = 12
NOON: Final = 0.5


def days(usual: Day) -> dict[str, Day]:
    """A day for each thing that can go wrong, and one for all of them."""
    noon, hour = usual.seconds * NOON, usual.seconds / 24
    few = {"hosts": 2, "slots": 1, "bursts": (Burst(at=noon, realms=usual.realms),)}
    down = Phase(start=noon, end=noon + hour, is_down=True)
    slow = Phase(start=noon, end=noon + 2 * hour, times=20.0)
    scarce = Phase(start=noon, end=noon + hour, calls_per_second=1.0)
    dying = Faults(deaths=300, cuts=60, deploys=tuple(noon + each * hour for each in (-3, 0, 3)))
    chosen = [
        usual,
        replace(usual, name="burst", **few),
        replace(usual, name="burst, one line", has_turns=False, **few),
        replace(usual, name="outage", provider=Terms(phases=(down,))),
        replace(usual, name="slow", provider=Terms(phases=(slow,))),
        replace(usual, name="refusing", provider=Terms(phases=(scarce,))),
        replace(usual, name="dying", faults=dying),
        replace(usual, name="all", provider=Terms(phases=(down,)), faults=dying),
    ]
    return {day.name: day for day in chosen}


def simulated(day: Day, rules: Rules, seed: int) -> tuple[Fleet, Figures]:
    began = time.process_time()
    fleet = Fleet(day, seed=seed, rules=rules)
    Mishaps(fleet)
    fleet.clock.run(day.seconds)
    behind = sum(len(realm.edits) for realm in fleet.realms)
    took = time.process_time() - began
    found = figures_of(
        day.name, rules.name, fleet.notes, fleet.line, behind=behind, cpu_seconds=took
    )
    print(
        f"{day.name}, {rules.name}: {found.edits} edits, live after {found.live_p95:.1f} s at p95,"
        f" {fleet.clock.events} events in {took:.1f} s",
        flush=True,
    )
    return fleet, found


def by_time(edits: Sequence[Live], *, begin: float, step: float, steps: int) -> Iterator[Row]:
    """How long edits took that were made within each step."""
    for number in range(steps):
        start = begin + number * step
        chosen = [e.seconds for e in edits if e.is_told and start <= e.at < start + step]
        yield {"step": number, "seconds_p95": percentiles(chosen, (95,))[0]}


def of_outage(fleet: Fleet, rules: Rules) -> list[Row]:
    hour = fleet.day.seconds / 24
    begin = fleet.day.seconds * NOON - hour / 2
    rows = by_time(fleet.notes.edits, begin=begin, step=hour / 12, steps=24)
    return [{"minute": int(row["step"] or 0) * 5 - 30, **row, "rules": rules.name} for row in rows]


def of_burst(fleet: Fleet) -> list[Row]:
    noon = fleet.day.seconds * NOON
    lines = "in turns" if fleet.day.has_turns else "one line"
    kinds: dict[str, Callable[[Live], bool]] = {
        f"others, {lines}": lambda each: each.tenant != "tenant0",
        f"its own later edits, {lines}": lambda each: each.tenant == "tenant0" and each.at > noon,
    }
    return [
        {"minute": row["step"], **row, "who": who}
        for who, is_one in kinds.items()
        for row in by_time(
            [each for each in fleet.notes.edits if is_one(each)],
            begin=noon, step=60.0, steps=BURST_MINUTES,
        )
    ]  # fmt: skip


def of_hosts(usual: Day, seed: int) -> Iterator[tuple[int, Figures]]:
    """As many hosts for the same edits, all of them told of."""
    for hosts in HOSTS:
        day = replace(usual, name=f"{hosts} hosts", hosts=hosts, told=1.0)
        for rules in (AT_ONCE, ENGINE):
            yield hosts, simulated(replace(day, seconds=usual.seconds / 12), rules, seed)[1]


def result(
    found: Sequence[Figures],
    outage: Sequence[Row],
    burst: Sequence[Row],
    of_hosts: Sequence[tuple[int, Figures]],
) -> Result:
    rows = figures(found)
    hosts = [{"hosts": number, **asdict(each)} for number, each in of_hosts]
    engine = [row for row in rows if row["rules"] == ENGINE.name]
    lives = [
        {**row, "seconds": row[f"live_{rank}"], "rank": rank}
        for row in engine
        for rank in ("p50", "p95", "p99")
    ]
    panels = [
        Panel(
            title="Seconds until an edit is live",
            rows=lives, x="day", y="seconds", series="rank", kind="bars", log_y=True,
        ),
        Panel(
            title="A burst of one tenant: edits made so many minutes later, p95",
            rows=burst, x="minute", y="seconds_p95", series="who", log_y=True,
        ),
        Panel(
            title="An hour's outage: edits made so many minutes after it began, p95",
            rows=outage, x="minute", y="seconds_p95", series="rules",
        ),
        Panel(
            title="Jobs due within the same tenth of a second, at most",
            rows=[row for row in rows if row["at_once_due"]],
            x="day", y="at_once_due", series="rules", kind="bars", log_y=True,
        ),
        Panel(
            title="Statements that look for work, for each pass",
            rows=hosts, x="hosts", y="looks_per_pass", series="rules", log_x=True, log_y=True,
        ),
        Panel(
            title="Passes that came to nothing",
            rows=[row for row in rows if row["vain_passes"]],
            x="day", y="vain_passes", series="rules", kind="bars", log_y=True,
        ),
    ]  # fmt: skip
    return Result(
        name="fleet",
        question=question(__doc__),
        rows=[*rows, *figures([each for _, each in of_hosts])],
        panels=[panel for panel in panels if panel.rows],
    )


def measure(options: argparse.Namespace) -> Result:
    usual = Day(seconds=options.hours * HOUR, realms=options.realms)
    found: list[Figures] = []
    outage: list[Row] = []
    burst: list[Row] = []
    for name in options.days:
        for rules in (AT_ONCE, ENGINE):
            fleet, figure = simulated(days(usual)[name], rules, options.seed)
            found.append(figure)
            if name == "outage":
                outage += of_outage(fleet, rules)
            if name.startswith("burst") and rules is ENGINE:
                burst += of_burst(fleet)
    return result(found, outage, burst, list(of_hosts(usual, options.seed)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(days(Day()))
    parser.add_argument("--days", nargs="+", default=names, choices=names)
    parser.add_argument("--realms", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=DAY / HOUR)
    parser.add_argument("--seed", type=int, default=1)
    add_options(parser)
    options = parser.parse_args()
    publish(measure(options), options)


if __name__ == "__main__":
    main()
