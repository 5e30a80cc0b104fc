"""Durable requests for passes: the queue, and who works it off."""

from engine.jobs.census import Census, take_census
from engine.jobs.failure import Failure, FailureKind, failure_of
from engine.jobs.heart import Heart, beating_heart
from engine.jobs.identity import Identity
from engine.jobs.news import News
from engine.jobs.queue import JobQueue
from engine.jobs.reconciler import Reconciler
from engine.jobs.rows import Attempt, Claim, Enqueued, JobRow
from engine.jobs.state import SUCCESS, Backoff, JobState, LossReason, Lost
from engine.jobs.store import Reach
from engine.jobs.sweeper import Patience, Sweeper, clear, sweep_jobs, sweep_now
from engine.jobs.watching import Picture, watch_jobs
from engine.jobs.worker import Pace, Running, Worker

__all__ = [
    "SUCCESS",
    "Attempt",
    "Backoff",
    "Census",
    "Claim",
    "Enqueued",
    "Failure",
    "FailureKind",
    "Heart",
    "Identity",
    "JobQueue",
    "JobRow",
    "JobState",
    "LossReason",
    "Lost",
    "News",
    "Pace",
    "Patience",
    "Picture",
    "Reach",
    "Reconciler",
    "Running",
    "Sweeper",
    "Worker",
    "beating_heart",
    "clear",
    "failure_of",
    "sweep_jobs",
    "sweep_now",
    "take_census",
    "watch_jobs",
]
