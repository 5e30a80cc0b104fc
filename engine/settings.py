"""All settings. The only place that reads the environment."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

log = logging.getLogger("widthwise.settings")


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("widthwise", appauthor=False))


def _cores() -> int:
    """Processors that this process may use, which a container can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an engine runs.

    `dsn` empty means the embedded Postgres in `home`. `embedder` names a bundled one;
    an object can be passed to `Engine.open` instead. `workers` are the jobs that run at
    once, `worker_processes` parse files, `index_concurrency` caps the visits that run at
    once, `prerender_tabs` are the tabs of one realm in a render pool, of which visits may
    take all but one.
    """

    home: Path = field(default_factory=_default_home)
    dsn: str = field(default="", repr=False)
    index_concurrency: int = 4
    prerender_tabs: int = 5
    workers: int = 1
    worker_processes: int = field(default_factory=_cores)
    embedder: str = "local"
    embed_batch_size: int = 32
    embed_concurrency: int = 8
    embed_timeout_seconds: int = 300
    max_file_bytes: int = 1 << 20
    chunk_chars: int = 1200

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
        texts = {
            name: environment[variable]
            for name, variable in TEXTS.items()
            if environment.get(variable)
        }
        home = environment.get(HOME)
        return cls(**numbers, **texts, **({"home": Path(home).expanduser()} if home else {}))  # type: ignore[arg-type]

    def table(self) -> list[tuple[str, str, str]]:
        """Each setting with its environment variable and its value; credentials are left out."""
        variables = {"home": HOME, **TEXTS, **NUMBERS}
        shown = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        shown["dsn"] = "(set)" if self.dsn else "(embedded)"
        return [(name, variables[name], value) for name, value in shown.items()]


HOME = "WIDTHWISE_HOME"
TEXTS = {"dsn": "WIDTHWISE_DSN", "embedder": "WIDTHWISE_EMBEDDER"}
NUMBERS = {
    "index_concurrency": "INDEX_RUNNER_MAX_CONCURRENCY",
    "prerender_tabs": "PRERENDER_AFFINITY_TAB_MAX",
    "workers": "WIDTHWISE_WORKERS",
    "worker_processes": "WIDTHWISE_WORKER_PROCESSES",
    "embed_batch_size": "WIDTHWISE_EMBED_BATCH_SIZE",
    "embed_concurrency": "WIDTHWISE_EMBED_CONCURRENCY",
    "embed_timeout_seconds": "WIDTHWISE_EMBED_TIMEOUT_SECONDS",
    "max_file_bytes": "WIDTHWISE_MAX_FILE_BYTES",
    "chunk_chars": "WIDTHWISE_CHUNK_CHARS",
}


def _positive(environment: Mapping[str, str], variable: str) -> int | None:
    text = environment.get(variable, "").strip()
    if not text:
        return None
    # isascii as well: int() also reads digits of other scripts, which are typos here.
    if text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= 1:
        return int(text)
    log.warning("%s=%r is not a whole number of at least 1; using the default", variable, text)
    return None
