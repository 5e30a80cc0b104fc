"""The settings as workers and sweepers want them."""

from engine.jobs import Backoff, Pace, Patience
from engine.settings import Settings


def pace_of(settings: Settings) -> Pace:
    """How a worker runs jobs."""
    return Pace(
        jobs_at_once=settings.workers,
        lease_seconds=settings.lease_seconds,
        poll_seconds=settings.poll_seconds,
        backoff=Backoff(settings.backoff_seconds),
    )


def patience_of(settings: Settings) -> Patience:
    """When a sweeper takes something for lost."""
    return Patience(
        sweep_seconds=settings.sweep_seconds,
        stall_seconds=settings.stall_seconds,
        lease_seconds=settings.lease_seconds,
        retention_seconds=settings.retention_days * 86_400,
    )
