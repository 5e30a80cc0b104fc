"""A worker process, in the foreground. Knows how it is told, not what it does."""

from dataclasses import replace
from typing import Annotated

import typer

from engine.jobs import Identity
from engine.settings import Settings


def work_command(
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Jobs at once; WIDTHWISE_WORKERS if not given.")
    ] = None,
) -> None:
    """Run jobs until told to stop.

    SIGTERM or Ctrl-C gives back what runs; SIGUSR1 finishes it first.
    """
    # The parsers are for those who parse, not for every command.
    from engine.worker_process import run  # noqa: PLC0415

    settings = Settings.from_environment()
    run(replace(settings, workers=jobs or settings.workers), Identity())
