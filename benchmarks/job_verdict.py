"""What a soak must come to: nothing lost, nothing twice, nothing left. Runs no job."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import quantiles
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.job_killer import Blow

Row = Mapping[str, Any]

# Every change of a realm's generation, with the claim that made it.
AUDIT_TABLE = """
CREATE TABLE audited_swaps (
    realm_id bigint NOT NULL, before bigint NOT NULL, after bigint NOT NULL, token uuid
);
CREATE FUNCTION audit_swap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audited_swaps
    SELECT
        new.id, old.generation, new.generation,
        (SELECT token FROM jobs WHERE realm_id = new.id AND state = 'running');
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_swaps AFTER UPDATE ON realms FOR EACH ROW
WHEN (old.generation <> new.generation) EXECUTE FUNCTION audit_swap();
"""

ATTEMPTS = """
SELECT attempts.job_id, jobs.realm_id, attempts.token, attempts.number, attempts.outcome,
    attempts.started_at, attempts.finished_at, jobs.max_attempts
FROM attempts
JOIN jobs ON jobs.id = attempts.job_id
ORDER BY jobs.realm_id, attempts.started_at
"""

LEFT = {
    "working rows": "SELECT count(*) FROM working_entries",
    "waiting vectors": "SELECT count(*) FROM waiting_vectors",
    "chunks that no entry owns": (
        "SELECT count(*) FROM chunks"
        " WHERE NOT EXISTS (SELECT FROM entries WHERE entries.version = chunks.version)"
    ),
    "entries that count other chunks than they have": (
        "SELECT count(*) FROM entries WHERE chunk_count <>"
        " (SELECT count(*) FROM chunks WHERE chunks.version = entries.version)"
    ),
}

# All that a reader can see. Versions, generations and stamps tell when, not what.
LIVE = """
SELECT entries.key, content_hash, size, language, definition_fingerprint, dependencies, probes,
    diagnostics, skipped, error, chunk_count,
    (
        SELECT coalesce(json_agg(piece ORDER BY ordinal), '[]')
        FROM (
            SELECT ordinal, start_line, end_line, symbol, kind, uses, text, text_hash,
                terms::text AS terms, embedding::text AS embedding, embedder_id
            FROM chunks
            WHERE chunks.version = entries.version
        ) AS piece
    ) AS chunks
FROM entries
JOIN realms ON realms.id = entries.realm_id
WHERE realms.name = $1
"""


# A claim that a request overtakes between its look and its lock starts a moment before it.
MOMENT = timedelta(seconds=0.05)


@dataclass(frozen=True, slots=True)
class Request:
    """Which job a request was answered with, and when the edit that it is for was begun."""

    job_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the database says when all is quiet. `attempts` by realm, in order of their start."""

    requests: Sequence[Request]
    states: Counter[str]
    attempts: Sequence[Row]
    swaps: Sequence[Row]
    generations: Mapping[int, int]
    left: Mapping[str, int]


async def gather(pool: asyncpg.Pool, requests: Sequence[Request]) -> Evidence:
    rows = await pool.fetch("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
    realms = await pool.fetch("SELECT id, generation FROM realms")
    return Evidence(
        requests,
        Counter({row["state"]: row["jobs"] for row in rows}),
        [dict(row) for row in await pool.fetch(ATTEMPTS)],
        [dict(row) for row in await pool.fetch("SELECT * FROM audited_swaps")],
        {row["id"]: row["generation"] for row in realms},
        {what: await pool.fetchval(statement) for what, statement in LEFT.items()},
    )


def judge(evidence: Evidence) -> list[str]:
    """What is wrong, a line each."""
    return [
        *(f"{evidence.states[state]} jobs {state}" for state in _unwanted(evidence.states)),
        *unanswered(evidence),
        *double_swaps(evidence),
        *_overlaps(evidence.attempts),
        *(
            f"job {each['job_id']}: attempt {each['number']} of {each['max_attempts']}"
            for each in evidence.attempts
            if each["number"] > each["max_attempts"]
        ),
        *(f"{count} {what}" for what, count in evidence.left.items() if count),
    ]


def _unwanted(states: Counter[str]) -> list[str]:
    return sorted(state for state in states if state != "succeeded" and states[state])


def unanswered(evidence: Evidence) -> Iterable[str]:
    """The claim that ended well began behind the edit, so that it has seen it."""
    good = (each for each in evidence.attempts if each["outcome"] == "succeeded")
    starts = {each["job_id"]: each["started_at"] for each in good}
    for request in evidence.requests:
        start = starts.get(request.job_id)
        if start is None or start < request.at - MOMENT:
            yield f"job {request.job_id}: answers a request of {request.at} from {start}"


def double_swaps(evidence: Evidence) -> Iterable[str]:
    """Each change of a generation is one step, by a claim of its own that ended well."""
    outcomes = {each["token"]: each["outcome"] for each in evidence.attempts}
    tokens = Counter(each["token"] for each in evidence.swaps)
    steps = Counter(each["realm_id"] for each in evidence.swaps)
    for each in evidence.swaps:
        where = f"realm {each['realm_id']}: generation {each['before']} to {each['after']}"
        if each["after"] != each["before"] + 1:
            yield f"{where} in one step"
        if outcomes.get(each["token"]) != "succeeded":
            yield f"{where} by a claim that ended {outcomes.get(each['token'])}"
        if tokens[each["token"]] != 1:
            yield f"{where} by a claim that swapped {tokens[each['token']]} times"
    for realm_id, generation in evidence.generations.items():
        if steps[realm_id] != generation:
            yield f"realm {realm_id}: generation {generation} after {steps[realm_id]} swaps"


def _overlaps(attempts: Sequence[Row]) -> Iterable[str]:
    """A realm's claims follow each other."""
    for one, other in pairwise(attempts):
        if one["realm_id"] == other["realm_id"] and other["started_at"] < one["finished_at"]:
            yield f"jobs {one['job_id']} and {other['job_id']} of one realm ran at once"


def takeovers(blows: Sequence[Blow], attempts: Sequence[Row]) -> dict[str, list[float]]:
    """Seconds from a blow to the next claim of the job, where the blow ended its claim."""
    ended = {each["token"]: each["outcome"] for each in attempts}
    starts: dict[int, list[datetime]] = {}
    for each in attempts:
        starts.setdefault(each["job_id"], []).append(each["started_at"])
    found: dict[str, list[float]] = {blow.ending: [] for blow in blows}
    for blow in blows:
        later = [start for start in starts.get(blow.job_id, []) if start > blow.at]
        if _was_fatal(ended, blow.token) and later:
            found[blow.ending].append((min(later) - blow.at).total_seconds())
    return found


def _was_fatal(ended: Mapping[UUID, str], token: UUID) -> bool:
    return ended.get(token) in ("lost", "released", "retry")


def centiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 95th."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (0.0, 0.0)
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]


async def live(pool: asyncpg.Pool, realm: str) -> dict[str, Row]:
    rows = [dict(row) for row in await pool.fetch(LIVE, realm)]
    return {row["key"]: row | {"chunks": json.loads(row["chunks"])} for row in rows}


def differences(ours: Mapping[str, Row], fresh: Mapping[str, Row]) -> list[str]:
    """The keys whose rows are not what a pass from scratch makes of the same files."""
    return sorted(key for key in ours.keys() | fresh.keys() if ours.get(key) != fresh.get(key))
