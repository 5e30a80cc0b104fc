"""The tools in the words of the Model Context Protocol. Imported by who speaks it."""

import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import anyio
import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from engine.web.agents.desk import Desk
from engine.web.agents.tools import TOOLS, Tool, tools_for
from engine.web.problem import OUR_FAULT, problem_of

log = logging.getLogger("widthwise.agents")

# As long as a search may take, and what it takes to say so.
ANSWER_SECONDS = 40.0

INSTRUCTIONS = """\
Widthwise keeps search indexes of bodies of files, called realms: repositories, folders, OpenAPI \
documents. Search first, read around what was found, ask for the impact before you change what \
others use. Paths are relative to their realm. All answers are of the last pass over a realm; \
`status` says how old it is."""

Context = ServerRequestContext[Any, Any]


def protocol_server(desk_of: Callable[[Context], Desk]) -> Server[Any]:
    """A server of the protocol whose calls are answered at the desk of their sender."""

    async def list_tools(ctx: Context, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[described(tool) for tool in tools_for(desk_of(ctx))])

    async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        text, failed = await answered(desk_of(ctx), params.name, params.arguments or {})
        content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
        return types.CallToolResult(content=content, is_error=failed)

    return Server(
        "widthwise",
        version=_version(),
        title="Widthwise",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=schema_of,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def answered(desk: Desk, name: str, given: dict[str, Any]) -> tuple[str, bool]:
    """What the tool says, and whether that is what went wrong."""
    tool = next((each for each in tools_for(desk) if each.name == name), None)
    if tool is None:
        return _not_there(desk, name), True
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            return await tool.answer(desk, given), False
    except msgspec.ValidationError as error:
        return f"arguments of {name}: {error}", True
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s; try again", True
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            log.exception("tool %s failed", name)
        return (problem or OUR_FAULT).detail, True


def _not_there(desk: Desk, name: str) -> str:
    if any(tool.name == name for tool in TOOLS):
        return f"{name}: this server lets agents look and change nothing"
    return f"{name}: no such tool; there are {', '.join(tool.name for tool in tools_for(desk))}"


def described(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=tool.title,
        read_only_hint=not tool.writes,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=tool.writes,
    )
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.name) or {},
        annotations=hints,
    )


@cache
def schema_of(name: str) -> dict[str, Any] | None:
    """The JSON schema of a tool's arguments; nothing for a tool that does not exist."""
    tool = next((each for each in TOOLS if each.name == name), None)
    if tool is None:
        return None
    schema = msgspec.json.schema(tool.arguments)
    found: dict[str, Any] = _brief(schema["$defs"][tool.arguments.__name__])
    return found


def _brief(schema: Any) -> Any:
    """Without what tells an agent nothing and is paid for: that no text holds a NUL."""
    if isinstance(schema, list):
        return [_brief(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _brief(value) for key, value in schema.items() if key not in ("pattern", "title")}


def _version() -> str:
    try:
        return version("widthwise")
    except PackageNotFoundError:
        return ""
