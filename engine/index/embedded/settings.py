"""The server's settings: small, durable, unreachable from the network. Pure."""

import sys
from collections.abc import Sequence
from pathlib import Path

from engine.index.embedded.layout import PORT, ROLE, Layout

# Below this a parallel index build can run out of shared memory; Docker gives 64 MiB.
ENOUGH_SHARED_MEMORY_BYTES = 512 << 20


def initdb_arguments(major: int, data: Path) -> list[str]:
    """Code point order and Unicode case rules that do not depend on the system's locales."""
    modern = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    # One sync of the file system instead of one for each of three thousand files.
    linux = ["--sync-method=syncfs"] if major >= 17 and sys.platform == "linux" else []
    return [
        "-D", str(data), "-U", ROLE, "--encoding=UTF8", "--locale=C", *modern, *linux,
        "--auth-local=peer", "--auth-host=reject", "--no-instructions",
    ]  # fmt: skip


def server_arguments(
    major: int, layout: Layout, socket_folder: Path, *, shared_memory_bytes: int
) -> list[str]:
    settings = {
        **_access(layout, socket_folder),
        **_resources(shared_memory_bytes),
        **_words(),
        # Without this the default of 18 keeps three more processes alive.
        **({"io_method": "sync"} if major >= 18 else {}),
    }
    return ["-D", str(layout.data), *(f"--{name}={value}" for name, value in settings.items())]


def hba_lines() -> str:
    """Only over the socket, only as our role, only users that the map names."""
    return f"local all {ROLE} peer map={ROLE}\n"


def ident_lines(names: Sequence[str]) -> str:
    quoted = ('"' + name.replace('"', '""') + '"' for name in names)
    return "".join(f"{ROLE} {name} {ROLE}\n" for name in quoted)


def _access(layout: Layout, socket_folder: Path) -> dict[str, str]:
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{socket_folder}"',
        # The folder of the socket keeps others out; the server's account differs from
        # ours under root.
        "unix_socket_permissions": "0777",
        "hba_file": str(layout.hba),
        "ident_file": str(layout.ident),
        "max_connections": "100",
    }


def _resources(shared_memory_bytes: int) -> dict[str, str]:
    roomy = shared_memory_bytes >= ENOUGH_SHARED_MEMORY_BYTES
    return {
        # What does not fit is in the file cache of the system, which gives it up under pressure.
        "shared_buffers": "64MB",
        "wal_buffers": "4MB",
        "huge_pages": "off",
        "dynamic_shared_memory_type": "posix" if roomy else "mmap",
        "maintenance_work_mem": "128MB",
        "autovacuum_work_mem": "16MB",
        # Statistics are made of 300 times as many rows, held at once: of chunks with their
        # texts and vectors 70 MB at the default of 100.
        "default_statistics_target": "25",
        "work_mem": "16MB",
        "effective_cache_size": "1GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_logical_replication_workers": "0",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "15min",
        "autovacuum": "on",
    }


def _words() -> dict[str, str]:
    return {
        "cluster_name": ROLE,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%m [%p] ",
        "log_min_messages": "warning",
        # A failing statement carries texts of the files that are indexed.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }
