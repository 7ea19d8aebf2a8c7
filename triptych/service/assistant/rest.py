"""Plain HTTP answers: an address per question, described by OpenAPI.

Each report of the MCP server is ``GET /api/v1/<report>``, and so are its tools that
read, with the same tokens and the same figures. Answers are whole, without pages.

Source: OpenAPI 3.1; RFC 9110 (status codes); RFC 9457 (problem details).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecurityMiddleware
from mcp.types import CallToolResult
from starlette.responses import JSONResponse, Response

from triptych import __version__
from triptych.core.errors import TriptychError
from triptych.service.assistant.rest_questions import build_questions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp.server import MCPServer
    from mcp.server.transport_security import TransportSecuritySettings
    from mcp.types import Tool
    from starlette.requests import Request

    from triptych.service.assistant.server import Desks

PREFIX: Final = "/api/v1"
_NO_VALUES: Final = ("", "null")
_DEFINITIONS: Final = "#/$defs/"
_COMPONENTS: Final = "#/components/schemas/"
_PROBLEM: Final = {
    "type": "object",
    "required": ["title", "status"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do next."},
    },
}
_STATUSES: Final = (
    (HTTPStatus.OK, "Answer", "The figures, each with what is needed to judge it."),
    (HTTPStatus.BAD_REQUEST, "Problem", "A parameter is unknown or not allowed."),
    (HTTPStatus.UNAUTHORIZED, "Problem", "No token, or one that is not valid."),
    (HTTPStatus.FORBIDDEN, "Answer", "Refused to the role of this token."),
    (HTTPStatus.UNPROCESSABLE_ENTITY, "Answer", "Refused: it would mean nothing."),
    (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Problem",
        "The server failed; its log says why.",
    ),
    (HTTPStatus.SERVICE_UNAVAILABLE, "Problem", "No answer now, such as before a run."),
)


@dataclass(frozen=True)
class RestSurface:
    """Answers requests by the tools of a server.

    Parameters
    ----------
    server : MCPServer
        Server that has the addresses.
    desks : Desks
        Desk that answers.
    security : TransportSecuritySettings
        Hosts and origins that may ask.
    """

    server: MCPServer[Any]
    desks: Desks
    security: TransportSecuritySettings

    def add_routes(self) -> None:
        """Add the addresses to those of the server."""
        for path, answer in (
            (f"{PREFIX}/openapi.json", self._describe),
            (f"{PREFIX}/{{question}}", self._answer),
        ):
            self.server.custom_route(path, ["GET"])(answer)

    async def _describe(self, request: Request) -> Response:
        return await self._refused(request) or JSONResponse(
            description_of(await self._tools())
        )

    async def _tools(self) -> list[Tool]:
        return await self._questions.list_tools()

    @cached_property
    def _questions(self) -> MCPServer[Any]:
        """Return the questions; none of them writes."""
        return build_questions(self.desks)

    async def _answer(self, request: Request) -> Response:
        if refused := await self._refused(request):
            return refused
        if get_access_token() is None:
            return _problem(
                HTTPStatus.UNAUTHORIZED,
                "The request has no valid token.",
                "Send one as 'Authorization: Bearer …'.",
            )
        tools = {tool.name: tool for tool in await self._tools()}
        name = request.path_params["question"]
        if name not in tools:
            return _problem(
                HTTPStatus.NOT_FOUND,
                "There is no such question.",
                f"Ask one of: {', '.join(sorted(tools))}.",
            )
        given = request.query_params.multi_items()
        known = tools[name].input_schema.get("properties", {})
        return _unfit(given, known) or await self._called(name, dict(given))

    async def _refused(self, request: Request) -> Response | None:
        # A page of another origin must not make a browser ask in somebody's name.
        return await TransportSecurityMiddleware(self.security).validate_request(
            request
        )

    async def _called(self, name: str, given: dict[str, str]) -> Response:
        try:
            result = await self._questions.call_tool(name, given)
        except ToolError as error:
            return _failed(error)
        assert isinstance(result, CallToolResult)  # noqa: S101  (no tool asks back)
        content = result.structured_content or {}
        if result.is_error:
            refusal = content["refusal"]
            title = f"{refusal['where']}: {refusal['what']}"
            detail = f"See {PREFIX}/openapi.json."
            return _problem(HTTPStatus.BAD_REQUEST, title, detail)
        return JSONResponse(
            content, _status(content), headers={"Cache-Control": "no-store"}
        )


def description_of(tools: Iterable[Tool]) -> dict[str, Any]:
    """Return the OpenAPI document of some tools.

    Parameters
    ----------
    tools : iterable of Tool
        Available tools, with the schemas of parameters and answers.
    """
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for tool in tools:
        answer = dict(tool.output_schema or {})
        schemas |= answer.pop("$defs", {})
        schemas[answer["title"]] = answer
        paths[f"{PREFIX}/{tool.name}"] = {"get": _operation(tool, answer["title"])}
    described = {
        "openapi": "3.1.0",
        "info": {"title": "triptych", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }
    # Schemas of tools keep shared parts among themselves; here they are shared by all.
    moved: dict[str, Any] = json.loads(
        json.dumps(described).replace(f'"{_DEFINITIONS}', f'"{_COMPONENTS}')
    )
    return moved


def _operation(tool: Tool, answer: str) -> dict[str, Any]:
    required = tool.input_schema.get("required", [])
    return {
        "operationId": tool.name,
        "description": tool.description,
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": schema,
            }
            for name, schema in tool.input_schema.get("properties", {}).items()
        ],
        "responses": {
            str(status.value): _response(answer if kind == "Answer" else kind, text)
            for status, kind, text in _STATUSES
        },
    }


def _response(schema: str, text: str) -> dict[str, Any]:
    kind = "application/problem+json" if schema == "Problem" else "application/json"
    reference = {"$ref": f"{_COMPONENTS}{schema}"}
    return {"description": text, "content": {kind: {"schema": reference}}}


def _unfit(given: list[tuple[str, str]], known: Iterable[str]) -> Response | None:
    """Return the response to parameters that cannot be understood."""
    names = [name for name, _ in given]
    unknown = sorted(set(names) - set(known))
    if unknown:
        title = f"The question has no parameter {unknown[0]!r}."
    elif len(names) > len(set(names)):
        title = "A parameter is given more than once."
    elif any(value in _NO_VALUES for _, value in given):
        # The tools would take it for a parameter that is not given.
        title = "A parameter has no value; leave it out."
    else:
        return None
    listed = ", ".join(known) or "none"
    return _problem(HTTPStatus.BAD_REQUEST, title, f"Its parameters: {listed}.")


def _status(content: dict[str, Any]) -> HTTPStatus:
    refusal = content.get("refusal")
    if refusal is None:
        return HTTPStatus.OK
    is_of_role = refusal["code"] == "not_for_role"
    return HTTPStatus.FORBIDDEN if is_of_role else HTTPStatus.UNPROCESSABLE_ENTITY


def _failed(error: ToolError) -> Response:
    """Return the response for a tool that gave no answer."""
    cause = error.__cause__
    if isinstance(cause, TriptychError):
        # Not where: that may be a path of this machine.
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, cause.what, cause.next_step)
    title, detail = "The server failed.", "Ask the administrator for its log."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, title, detail)


def _problem(status: HTTPStatus, title: str, detail: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        {"title": title, "status": status.value, "detail": detail},
        status,
        headers=headers,
        media_type="application/problem+json",
    )
