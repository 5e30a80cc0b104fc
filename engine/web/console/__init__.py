"""Pages for people, over what the API gives to programs."""

from engine.web.console.routes import ROUTES

__all__ = ["ROUTES"]
