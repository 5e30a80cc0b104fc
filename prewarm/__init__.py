"""A definition is computed once, by one process, and never served stale."""

from prewarm.advisory_locks import AdvisoryLocks
from prewarm.bell import Bell
from prewarm.cache import DefinitionCache
from prewarm.coalescer import Coalescer, InProcessCoalescer
from prewarm.compact import Compact
from prewarm.definition import Definition, Key, ReExport, Symbol
from prewarm.errors import CircularWait, DefinitionError
from prewarm.memory_definitions import MemoryDefinitions
from prewarm.postgres_coalescer import PostgresCoalescer
from prewarm.postgres_definitions import PostgresDefinitions
from prewarm.single_flight import SingleFlight
from prewarm.statistics import CacheStatistics
from prewarm.store import DefinitionStore, Dropped, Failure, Found, Record
from prewarm.warming import PrewarmReport, prewarm

__all__ = [
    "AdvisoryLocks",
    "Bell",
    "CacheStatistics",
    "CircularWait",
    "Coalescer",
    "Compact",
    "Definition",
    "DefinitionCache",
    "DefinitionError",
    "DefinitionStore",
    "Dropped",
    "Failure",
    "Found",
    "InProcessCoalescer",
    "Key",
    "MemoryDefinitions",
    "PostgresCoalescer",
    "PostgresDefinitions",
    "PrewarmReport",
    "ReExport",
    "Record",
    "SingleFlight",
    "Symbol",
    "prewarm",
]
