"""Jobs as text for people, or as JSON for programs. Prints, asks nothing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.text import Text

from engine.cli.show import line, plain, print_json, print_text
from engine.job import Job
from engine.jobs import Attempt, JobState
from engine.plan_shape import PlanShape
from engine.report import PassReport
from engine.telling import ago, counted

STYLES = {
    JobState.RUNNING: "cyan",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
}


def jobs(found: Sequence[Job], *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": [each.as_json() for each in found]})
        return
    if not found:
        line("no jobs")
    for each in found:
        _headline(each)
        if each.error:
            line(f"      {each.error}")


def job(found: Job, attempts: Sequence[Attempt], *, as_json: bool) -> None:
    if as_json:
        print_json({**found.as_json(), "attempts": [asdict(attempt) for attempt in attempts]})
        return
    _headline(found)
    for each in attempts:
        seconds = (each.finished_at - each.started_at).total_seconds()
        files = f", {each.done:,}/{counted(each.total, 'file')}" if each.total else ""
        line(f"      attempt {each.number}: {each.outcome} after {seconds:.1f} s{files}")
        if each.error:
            line(f"        {each.error}")
    if found.report and found.report.plan:
        _plan(found.report, found.report.plan)


def _plan(report: PassReport, plan: PlanShape) -> None:
    line(
        f"      plan: {counted(report.topo_depth, 'layer')}, width {report.max_layer_width:,}, "
        f"{counted(report.concurrency, 'visit')} at once"
    )
    by = "the critical path" if plan.is_bound_by_path else f"{plan.work_seconds:.2f} s of work"
    line(f"      visits: {plan.visit_seconds:.2f} s, bound to {plan.bound_seconds:.2f} s by {by}")
    line(f"      critical path: {counted(plan.path_files, 'file')}, {plan.path_seconds:.2f} s")
    for step in plan.path:
        line(f"        {step.seconds:.3f} s  {step.key}")
    if plan.path_files > len(plan.path):
        line(f"        and {plan.path_files - len(plan.path):,} that took less")


def _headline(found: Job) -> None:
    state = "retrying" if found.row.is_retrying else str(found.state)
    title = Text.assemble(
        (f"{found.id:>6} ", "dim"), (f"{state:<10}", STYLES.get(found.state, "")),
        (f" {plain(found.realm)}", "bold"),
    )  # fmt: skip
    title.append(f"  {_doing(found)}", "dim")
    print_text(title)


def _doing(found: Job) -> str:
    """What it does now or when it comes to it, and since when."""
    row, now = found.row, datetime.now(UTC)
    tries = f", try {max(row.attempt, 1)} of {row.max_attempts}" if row.claims > 1 else ""
    if found.state is JobState.RUNNING:
        done, total = found.progress.counts
        return f"{found.progress.phase} {done:,}/{total:,}{tries}"
    if found.state is JobState.PENDING:
        wait = (row.due_at - now).total_seconds()
        when = f"due in {wait:.0f} s" if wait > 0 else f"waits for {ago(now, row.due_at)}"
        return when + tries
    assert row.finished_at is not None
    return f"{ago(now, row.finished_at)} ago{tries}"
