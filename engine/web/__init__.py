"""The engine over HTTP: a JSON API and an event stream, to be mounted in a web app."""

from engine.web.access import Access, Authorize, TokenAccess
from engine.web.app import create_app
from engine.web.hosting import Limits

__all__ = ["Access", "Authorize", "Limits", "TokenAccess", "create_app"]
