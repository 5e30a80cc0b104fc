"""What can go wrong, as callers see it. A failing file is data, not one of these."""


class WidthwiseError(Exception):
    """The root of all errors that the engine raises on purpose."""


class BadFilter(WidthwiseError):
    """What a search or a listing was to be narrowed to can't be asked for."""


class BadCursor(WidthwiseError):
    """A cursor is none, or belongs to another question."""


class IndexMoved(WidthwiseError):
    """A realm has changed since the first page of a search: begin again without a cursor."""


class BadSetting(WidthwiseError):
    """A setting that is passed in, or a combination of settings, cannot work."""


class ExtraMissing(WidthwiseError):
    """What is asked for needs a package that is not installed."""


class RealmNotFound(WidthwiseError):
    """No realm has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"realm {name!r}: not known here; `widthwise status` lists the realms")


class RealmExists(WidthwiseError):
    """A realm of this name has another source."""


class EntryNotFound(WidthwiseError):
    """The live index of the realm has no entry with this key."""

    def __init__(self, realm: str, key: str) -> None:
        super().__init__(f"{realm}: no entry for {key!r}; keys are paths relative to the realm")


class TextNotFound(WidthwiseError):
    """The live index has the file, but none of its lines."""

    def __init__(self, realm: str, key: str, reason: str) -> None:
        super().__init__(f"{realm}: no line of {key!r} is in the index: {reason}")


class JobNotFound(WidthwiseError):
    """There is no job with this id, or it is too old to be remembered."""

    def __init__(self, job_id: int) -> None:
        super().__init__(f"job {job_id}: not known here; `widthwise jobs` lists the latest")


class StalePass(WidthwiseError):
    """Another pass took the realm over: this one has changed nothing and must stop."""


class PassFailed(WidthwiseError):
    """A pass ended without a swap; the live index is as it was."""


class ExecutorFailed(PassFailed):
    """Where work was to run it can't, whatever the work: a cluster is gone, or set up otherwise."""


class PermanentFailure(WidthwiseError):
    """Trying again would end the same; somebody has to change something first.

    An embedder, a source or a visitor raises it to have a job fail at once.
    """


class Throttled(WidthwiseError):
    """Somebody asked us to come back later: the job waits, and no attempt is counted."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class WorkerDied(WidthwiseError):
    """A worker process died, or was stopped at its deadline, while it held one item."""


def first_failure(error: BaseException) -> BaseException:
    """The failure that came first inside nested exception groups.

    Tasks that work on one thing mostly fail of one thing, each in its own words.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
