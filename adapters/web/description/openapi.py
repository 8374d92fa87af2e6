"""The API's description (OpenAPI 3.1), made from the routes and their wire types."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from adapters.web.errors import DetailError, form_of
from adapters.web.routing import Access, Query, Reply, Route
from adapters.web.wire import BODY_LIMIT, NAME_PATTERN

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
EVENTS, LINES = "text/event-stream", "application/x-ndjson"
NUMBERS = frozenset({"run", "message"})  # what a path calls so is an id in digits
FREE = frozenset({"model"})
ABOUT = (
    "A chatbot gateway: durable, ordered, streamed conversations. One set of conversations, spoken"
    " to in several protocols: the gateway's own (`native`), OpenAI's, the AI SDK's, and others."
    " The WebSocket at `/` and `/ws` is described in docs/web.md."
)


REFUSALS = {
    400: "The request is wrong; the message says what to mend.",
    401: "Credentials are missing or wrong.",
    403: "Not from here, or not with these credentials.",
    404: "There is no such thing, or it is somebody else's.",
    408: "The body did not arrive in time.",
    413: f"The body is over {BODY_LIMIT // 1024} KiB.",
    415: "The body is not JSON, or not called so.",
    417: "Something was expected that is not to be had.",
    422: "The body lacks something, or has it wrong.",
    429: "Too much in too short a time; `Retry-After` says how many seconds to wait.",
    503: "Not now; nothing was stored. `Retry-After` says how many seconds to wait.",
}


def describe(routes: Iterable[Route], *, version: str) -> Schema:
    """The OpenAPI document of all `routes` that are part of the API."""
    shown = [route for route in routes if not route.hidden]
    types = [kind for route in shown for kind in _types(route)]
    types += [form_of(route.path) for route in shown]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    known = dict(zip(map(_key, types), schemas, strict=True))
    paths: Schema = {}
    for route in shown:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chat gateway", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, known: Mapping[str, Schema]) -> Schema:
    operation: Schema = {
        "operationId": f"{route.tag}_{route.method.lower()}_{_slug(route.path)}",
        "summary": route.says,
        "tags": [route.tag],
        "security": _security(route.access),
        "responses": {
            str(status): response for status, response in sorted(_responses(route, known).items())
        },
    }
    parameters = [
        *map(_in_path, _names(route.path)),
        *(_query(each, known) for each in route.query),
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": _any_of([known[_key(kind)] for kind in kinds])}
                for media, kinds in _bodies(route.body).items()
            },
        }
    return operation


def _any_of(schemas: Sequence[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _responses(route: Route, known: Mapping[str, Schema]) -> dict[int, Schema]:
    found = {status: _refusal(route.path, status, known) for status in _refusals(route)}
    for status, reply in route.replies.items():
        if status >= 400 and not reply.body:
            found[status] = _refusal(route.path, status, known) | {"description": reply.says}
        else:
            found[status] = _reply(reply, known)
    return found


def _refusals(route: Route) -> set[int]:
    statuses = {403, 417}
    if route.access not in {Access.ANYBODY, Access.PLATFORM}:
        statuses |= {401, 429, 503}
    if route.body is not None:
        statuses |= {400, 408, 413, 415}
    if route.query or _names(route.path):
        statuses.add(400)
    if _names(route.path):
        statuses.add(404)
    if form_of(route.path) is DetailError and route.body is not None:
        statuses.add(422)
    return statuses


def _refusal(path: str, status: int, known: Mapping[str, Schema]) -> Schema:
    content = {"application/json": {"schema": known[_key(form_of(path))]}}
    response: Schema = {"description": REFUSALS.get(status, "Refused."), "content": content}
    if status in {429, 503}:
        says = "Seconds to wait before the next try."
        response["headers"] = {
            "Retry-After": {"description": says, "schema": {"type": "integer"}, "required": True}
        }
    return response


def _reply(reply: Reply, known: Mapping[str, Schema]) -> Schema:
    response: Schema = {"description": reply.says}
    if reply.headers:
        response["headers"] = {
            name: {"description": says, "schema": {"type": "string"}}
            for name, says in reply.headers.items()
        }
    if reply.body:
        response["content"] = {
            media: {"schema": _content(media, known[_key(kind)])}
            for media, kind in reply.body.items()
        }
    return response


def _content(media: str, schema: Schema) -> Schema:
    """A stream of events is described by one of them, whose data is JSON."""
    if media != EVENTS:
        return {"type": "string"} if media == LINES else schema
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return {
        "type": "object",
        "properties": {"event": {"type": "string"}, "id": {"type": "string"}, "data": data},
        "required": ["data"],
    }


def _in_path(name: str) -> Schema:
    schema: Schema = {"type": "string"}
    if name in NUMBERS:
        schema["pattern"] = "^[0-9]{1,18}$"
    elif name not in FREE:
        schema["pattern"] = NAME_PATTERN
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(query: Query, known: Mapping[str, Schema]) -> Schema:
    return {
        "name": query.name,
        "in": query.place,
        "description": query.says,
        "schema": known[_key(query.type)],
    }


def _security(access: Access) -> list[Schema]:
    return {
        Access.ANYBODY: [],
        Access.PLATFORM: [],
        Access.CALLER: [{"bearer": []}, {}],
        Access.SIGNED_IN: [{"bearer": []}],
    }[access]


def _types(route: Route) -> list[Any]:
    bodies = [kind for kinds in _bodies(route.body).values() for kind in kinds]
    replies = [kind for reply in route.replies.values() for kind in reply.body.values()]
    return [*bodies, *replies, *(query.type for query in route.query)]


def _bodies(body: Any) -> dict[str, tuple[Any, ...]]:
    """By media type, the shapes that a body may have; what is no mapping of them is JSON."""
    if body is None:
        return {}
    by_media = body if isinstance(body, Mapping) else {"application/json": body}
    return {media: _alternatives(shape) for media, shape in by_media.items()}


def _alternatives(body: Any) -> tuple[Any, ...]:
    """The shapes that a body may have: a type, or a tuple or union of types."""
    if isinstance(body, tuple):
        return body
    return get_args(body) if get_origin(body) in {Union, UnionType} else (body,)


def _names(path: str) -> list[str]:
    return re.findall(r"{([^}:]+)", path)


def _slug(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_") or "root"


def _key(kind: Any) -> str:
    return kind.__qualname__ + kind.__module__ if isinstance(kind, type) else str(kind)
