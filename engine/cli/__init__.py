"""The command line. A leaf: nothing else imports it."""

from engine.cli.app import main

__all__ = ["main"]
