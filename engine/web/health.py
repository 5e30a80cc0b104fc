"""Whether this server lives, can work, and what there is to count."""

from collections.abc import Iterator
from http import HTTPStatus

import anyio
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.index.database import BROKEN
from engine.jobs import Census
from engine.web.gate import host_of, reads
from engine.web.problem import Problem
from engine.web.visible import Visible

READY_SECONDS = 2.0


async def healthz(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Ready once the engine is open and its database answers."""
    try:
        with anyio.fail_after(READY_SECONDS):
            await host_of(request).opened().census()
    except (*BROKEN, LookupError, AttributeError, RuntimeError):
        return JSONResponse(
            {"status": "the database does not answer"}, HTTPStatus.SERVICE_UNAVAILABLE
        )
    return JSONResponse({"status": "ready"})


@reads
async def metrics(_request: Request, seen: Visible) -> Response:
    if seen.access.tenants is not None:
        raise Problem(HTTPStatus.FORBIDDEN, "metrics are of all tenants together")
    registry = CollectorRegistry()
    registry.register(_Census(await seen.engine.census()))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Census:
    """Counts as Prometheus collects them."""

    def __init__(self, census: Census) -> None:
        self._census = census

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "widthwise_jobs", "Jobs that are remembered, by state.", labels=["state"]
        )
        for state, count in sorted(self._census.jobs.items()):
            jobs.add_metric([state], count)
        yield jobs
        for name, (value, meaning) in self._census.gauges().items():
            yield GaugeMetricFamily(f"widthwise_{name}", meaning, value=value)
