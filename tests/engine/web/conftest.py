"""Fixtures of the tests of the app."""

from web_server import serve

__all__ = ["serve"]
