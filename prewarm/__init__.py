"""A definition is computed once, by one process, and never served stale."""

from prewarm.definition import Definition, ReExport, Symbol

__all__ = ["Definition", "ReExport", "Symbol"]
