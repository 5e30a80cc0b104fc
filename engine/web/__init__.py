"""The engine over HTTP: a JSON API, an event stream, tools for agents; to be mounted in an app."""

from engine.web.access import Access, Authorize, TokenAccess
from engine.web.agents import serve_agents
from engine.web.app import create_app
from engine.web.hosting import Limits

__all__ = ["Access", "Authorize", "Limits", "TokenAccess", "create_app", "serve_agents"]
