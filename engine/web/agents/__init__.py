"""The engine as tools for agents, by the Model Context Protocol: over HTTP, or a program's pipes.

What speaks the protocol is an extra, so it is imported by those who are asked for it.
"""

from engine.web.agents.endpoint import AgentsDoor
from engine.web.agents.stdio import serve_agents

__all__ = ["AgentsDoor", "serve_agents"]
