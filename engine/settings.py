"""All settings. The only place that reads the environment."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import platformdirs

from engine.cluster_address import cluster_address
from engine.errors import BadSetting

log = logging.getLogger("widthwise.settings")


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("widthwise", appauthor=False))


def _cores() -> int:
    """Processors that this process may use, which a container can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Isolation(StrEnum):
    """Where jobs run.

    INLINE: in this process. PROCESS: in a process of their own, which is started again when
    it dies. AUTO: in a process of their own, unless they need what only this process has: an
    embedder or a visitor that was passed as an object.
    """

    AUTO = "auto"
    INLINE = "inline"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an engine runs.

    `dsn` empty means the embedded Postgres in `home`. Where it leads to a pooler that lends
    sessions by the transaction, `session_dsn` can lead around it. Searches read from the replica
    at `search_dsn`, while it answers. `embedder` names a bundled
    one, or the dialect of the provider at `embed_url`, whose `embed_model` is asked for vectors
    of `embed_dimension` numbers if that is set; what is embedded stands behind a prefix if the
    model wants one. The key is no setting: it stays in the environment. An object can be
    passed to `Engine.open` instead. `workers` are the jobs that run at
    once, `worker_processes` parse files, `index_concurrency` caps the visits that run at
    once, `prerender_tabs` are the tabs of one realm in a render pool, of which visits may
    take all but one.

    One call of the embedder carries at most `embed_batch_size` texts of together about
    `embed_batch_tokens`, and may take `embed_timeout_seconds`; up to `embed_concurrency` are
    under way. A pause that an embedder asks for is waited for by the pass if it is no longer
    than `embed_pause_seconds`, and else by the job.

    A running job is its worker's for `lease_seconds` after each heartbeat; without progress
    for `stall_seconds` it is taken away. It is tried `max_attempts` times, the pauses
    beginning at `backoff_seconds`. `poll_seconds` bounds how long a job waits when a
    notification is lost, `sweep_seconds` how long a lost one does. Every
    `reconcile_seconds` each realm is compared with its source. `memory_limit_mb` holds a
    supervised process with its own; None is half of the machine.

    Repositories are asked by the `git_transports` that are named (https; http, ssh and file
    on request), at `git_hosts` if there are any. One git command ends after
    `git_timeout_seconds`. Checkouts stay for `checkout_days`, together `checkout_mb`. With
    `public_only`, for servers whose users name URLs, no source asks an address of a private
    network.

    `executor` names a Dask scheduler whose workers visit the files of a pass: dask://HOST:PORT,
    or tls://HOST:PORT with the files `executor_ca`, `executor_cert` and `executor_key`. One on
    another host without TLS has to be allowed by `executor_unsecured`.
    """

    home: Path = field(default_factory=_default_home)
    dsn: str = field(default="", repr=False)
    session_dsn: str = field(default="", repr=False)
    search_dsn: str = field(default="", repr=False)
    index_concurrency: int = 4
    prerender_tabs: int = 5
    workers: int = 1
    worker_processes: int = field(default_factory=_cores)
    embedder: str = "local"
    embed_url: str = field(default="", repr=False)
    embed_model: str = ""
    embed_dimension: int | None = None
    embed_document_prefix: str = ""
    embed_question_prefix: str = ""
    google_credentials: str = ""
    embed_batch_size: int = 32
    embed_batch_tokens: int = 20_000
    embed_concurrency: int = 8
    embed_timeout_seconds: int = 300
    embed_pause_seconds: float = 20
    max_file_bytes: int = 1 << 20
    chunk_chars: int = 1200
    isolation: Isolation = Isolation.AUTO
    lease_seconds: float = 600
    stall_seconds: float = 1800
    max_attempts: int = 3
    backoff_seconds: float = 5
    poll_seconds: float = 5
    sweep_seconds: float = 30
    reconcile_seconds: float = 300
    retention_days: float = 7
    memory_limit_mb: int | None = None
    git_transports: tuple[str, ...] = ("https",)
    git_hosts: tuple[str, ...] = ()
    git_timeout_seconds: float = 600
    checkout_mb: int = 10 << 10
    checkout_days: float = 30
    public_only: bool = False
    executor: str = ""
    executor_ca: str = ""
    executor_cert: str = ""
    executor_key: str = ""
    executor_unsecured: bool = False

    def __post_init__(self) -> None:
        """Times may be fractions when they are passed in; none may be zero.

        The isolation may be passed as its word.
        """
        try:
            object.__setattr__(self, "isolation", Isolation(self.isolation))
        except ValueError:
            choices = ", ".join(Isolation)
            raise BadSetting(f"isolation={self.isolation!r}: must be one of {choices}") from None
        if self.executor:
            address = cluster_address(self.executor, unsecured=self.executor_unsecured)
            if address.is_secured and not (self.executor_ca and self.executor_cert):
                raise BadSetting("executor: tls:// needs executor_ca and executor_cert")
        for name in TIMES:
            if not getattr(self, name) > 0:
                raise BadSetting(f"{name}={getattr(self, name)!r}: must be above 0")
        if self.embed_timeout_seconds >= self.lease_seconds:
            log.warning(
                "one call of the embedder may take %g s, longer than the lease of %g s: "
                "a job that is stuck in one is not told from a slow one",
                self.embed_timeout_seconds,
                self.lease_seconds,
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings that the environment asks for.

        A number that is malformed or below 1 means the default, with a warning, so that
        a typo in a deployment slows nothing down and stops nothing.
        """
        numbers = {
            name: number
            for name, variable in NUMBERS.items()
            if (number := _positive(environment, variable)) is not None
        }
        texts: dict[str, Any] = {
            name: environment[variable]
            for name, variable in TEXTS.items()
            if environment.get(variable)
        }
        if isolation := environment.get(ISOLATION):
            texts["isolation"] = _isolation(isolation)
        for name, variable in LISTS.items():
            if words := environment.get(variable, "").replace(",", " ").split():
                texts[name] = tuple(word.lower() for word in words)
        if public_only := environment.get(PUBLIC_ONLY):
            texts["public_only"] = _switch(PUBLIC_ONLY, public_only)
        # A switch that takes safety away: what is not clearly on is off.
        unsecured = environment.get(EXECUTOR_UNSECURED, "").strip().lower()
        texts["executor_unsecured"] = unsecured in ("1", "yes", "on", "true")
        home = environment.get(HOME)
        return cls(**numbers, **texts, **({"home": Path(home).expanduser()} if home else {}))  # type: ignore[arg-type]

    def table(self) -> list[tuple[str, str, str]]:
        """Each setting with its environment variable and its value; credentials are left out."""
        variables = {"home": HOME, "isolation": ISOLATION, "public_only": PUBLIC_ONLY}
        variables["executor_unsecured"] = EXECUTOR_UNSECURED
        variables |= TEXTS | NUMBERS | LISTS
        shown = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        shown["dsn"] = "(set)" if self.dsn else "(embedded)"
        shown |= {
            name: "(set)" if getattr(self, name) else "" for name in ("session_dsn", "search_dsn")
        }
        shown["embed_url"] = _without_credentials(self.embed_url)
        shown |= {name: " ".join(getattr(self, name)) for name in LISTS}
        rows = [(name, variables[name], value) for name, value in shown.items()]
        return [*rows, ("embed_key", EMBED_KEY, "(set)" if embed_key() else "")]


HOME = "WIDTHWISE_HOME"
ISOLATION = "WIDTHWISE_ISOLATION"
PUBLIC_ONLY = "WIDTHWISE_PUBLIC_ONLY"
EXECUTOR_UNSECURED = "WIDTHWISE_EXECUTOR_UNSECURED"
LISTS = {"git_transports": "WIDTHWISE_GIT_TRANSPORTS", "git_hosts": "WIDTHWISE_GIT_HOSTS"}
TEXTS = {
    "dsn": "WIDTHWISE_DSN",
    "session_dsn": "WIDTHWISE_SESSION_DSN",
    "search_dsn": "WIDTHWISE_SEARCH_DSN",
    "embedder": "WIDTHWISE_EMBEDDER",
    "embed_url": "WIDTHWISE_EMBED_URL",
    "embed_model": "WIDTHWISE_EMBED_MODEL",
    "embed_document_prefix": "WIDTHWISE_EMBED_DOCUMENT_PREFIX",
    "embed_question_prefix": "WIDTHWISE_EMBED_QUESTION_PREFIX",
    "executor": "WIDTHWISE_EXECUTOR",
    "executor_ca": "WIDTHWISE_EXECUTOR_CA",
    "executor_cert": "WIDTHWISE_EXECUTOR_CERT",
    "executor_key": "WIDTHWISE_EXECUTOR_KEY",
    "google_credentials": "GOOGLE_APPLICATION_CREDENTIALS",
}
EMBED_KEY = "WIDTHWISE_EMBED_KEY"
NUMBERS = {
    "embed_dimension": "WIDTHWISE_EMBED_DIMENSION",
    "index_concurrency": "INDEX_RUNNER_MAX_CONCURRENCY",
    "prerender_tabs": "PRERENDER_AFFINITY_TAB_MAX",
    "workers": "WIDTHWISE_WORKERS",
    "worker_processes": "WIDTHWISE_WORKER_PROCESSES",
    "embed_batch_size": "WIDTHWISE_EMBED_BATCH_SIZE",
    "embed_batch_tokens": "WIDTHWISE_EMBED_BATCH_TOKENS",
    "embed_concurrency": "WIDTHWISE_EMBED_CONCURRENCY",
    "embed_timeout_seconds": "WIDTHWISE_EMBED_TIMEOUT_SECONDS",
    "embed_pause_seconds": "WIDTHWISE_EMBED_PAUSE_SECONDS",
    "max_file_bytes": "WIDTHWISE_MAX_FILE_BYTES",
    "chunk_chars": "WIDTHWISE_CHUNK_CHARS",
    "lease_seconds": "WIDTHWISE_LEASE_SECONDS",
    "stall_seconds": "WIDTHWISE_STALL_SECONDS",
    "max_attempts": "WIDTHWISE_MAX_ATTEMPTS",
    "backoff_seconds": "WIDTHWISE_BACKOFF_SECONDS",
    "poll_seconds": "WIDTHWISE_POLL_SECONDS",
    "sweep_seconds": "WIDTHWISE_SWEEP_SECONDS",
    "reconcile_seconds": "WIDTHWISE_RECONCILE_SECONDS",
    "retention_days": "WIDTHWISE_RETENTION_DAYS",
    "memory_limit_mb": "WIDTHWISE_MEMORY_LIMIT_MB",
    "git_timeout_seconds": "WIDTHWISE_GIT_TIMEOUT_SECONDS",
    "checkout_mb": "WIDTHWISE_CHECKOUT_MB",
    "checkout_days": "WIDTHWISE_CHECKOUT_DAYS",
}
TIMES = (
    "embed_pause_seconds",
    "lease_seconds",
    "stall_seconds",
    "backoff_seconds",
    "poll_seconds",
    "sweep_seconds",
    "reconcile_seconds",
    "retention_days",
    "git_timeout_seconds",
    "checkout_days",
)


def secret(name: str) -> str:
    """The secret in a variable that somebody named; empty if there is none.

    Whoever may name variables can have any of them sent to a server of theirs.
    """
    return os.environ.get(name, "")


def embed_key() -> str:
    """The key of the embedding provider, in whichever process asks it; empty if there is none."""
    return secret(EMBED_KEY)


def _without_credentials(url: str) -> str:
    """The address with neither user, password nor query in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(set)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _switch(variable: str, text: str) -> bool:
    """A switch that is for safety: what is not clearly off is on."""
    if text.strip().lower() in ("0", "no", "off", "false"):
        return False
    if text.strip().lower() not in ("1", "yes", "on", "true"):
        log.warning("%s=%r is neither on nor off; taking it for on", variable, text)
    return True


def _isolation(text: str) -> Isolation:
    try:
        return Isolation(text.strip().lower())
    except ValueError:
        choices = ", ".join(Isolation)
        log.warning("%s=%r is none of %s; using the default", ISOLATION, text, choices)
        return Isolation.AUTO


def _positive(environment: Mapping[str, str], variable: str) -> int | None:
    text = environment.get(variable, "").strip()
    if not text:
        return None
    # isascii as well: int() also reads digits of other scripts, which are typos here.
    if text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= 1:
        return int(text)
    log.warning("%s=%r is not a whole number of at least 1; using the default", variable, text)
    return None
