"""The API's description as a page of HTML, without scripts and from nowhere else."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

TAGS = {
    "native": "The gateway's own API: idempotent sends, resumable events, history, and the rest",
    "chat": "One address, four kinds of client: told apart by what they send",
    "openai": "OpenAI Chat Completions: for the SDKs, and all that speaks to them",
    "ui": "The AI SDK's message stream: for useChat and its kin",
    "simple": "A plain chat API: one message, one answer",
    "sessions": "Sessions of people who are signed in",
    "compat": "Bodies of ready-made widgets",
    "page": "The page",
    "operating": "For those who run it",
}
Schema = dict[str, Any]
CREDENTIALS = (
    "<p>Credentials go into <code>Authorization: Bearer …</code>. Where they are called optional,"
    " that is so in the mode <code>open</code> alone.</p>"
)


def page(document: Schema) -> str:
    """The document as one page of HTML, without scripts."""
    operations: dict[str, list[str]] = {}
    links: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag, name = operation["tags"][0], operation["operationId"]
            links.setdefault(tag, []).append(
                f'<li><a href="#{name}"><b class="{method}">{method.upper()}</b> {escape(path)}</a>'
            )
            operations.setdefault(tag, []).append(_operation(method, path, operation))
    tags = [tag for tag in TAGS if tag in operations] + [t for t in operations if t not in TAGS]
    info = document["info"]
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}: API</title>",
            '<link rel="stylesheet" href="/docs.css"></head><body><nav aria-label="Operations">',
            '<p><a href="/">Chat</a> · <a href="/openapi.json">openapi.json</a></p>',
            *(f"<h2>{escape(tag)}</h2><ul>{''.join(links[tag])}</ul>" for tag in tags),
            '<h2><a href="#types">types</a></h2></nav><main>',
            f"<h1>{escape(info['title'])}: API</h1><p>{_prose(info['description'])}</p>",
            CREDENTIALS,
            *(_section(tag, operations[tag]) for tag in tags),
            '<section id="types"><h2>Types</h2>',
            *(_type(name, kind) for name, kind in document["components"]["schemas"].items()),
            "</section></main></body></html>",
        )
    )


def _section(tag: str, operations: list[str]) -> str:
    heading = f"<h2>{escape(tag)}</h2><p>{escape(TAGS.get(tag, ''))}</p>"
    return f"<section>{heading}{''.join(operations)}</section>"


def _operation(method: str, path: str, operation: Schema) -> str:
    return "".join(
        (
            f'<article id="{operation["operationId"]}"><h3><b class="{method}">{method.upper()}',
            f"</b> <code>{escape(path)}</code></h3><p>{_prose(operation['summary'])}",
            f" <i>{_credentials(operation['security'])}</i></p>",
            _parameters(operation.get("parameters", [])),
            _body(operation.get("requestBody")),
            _responses(operation["responses"]),
            "</article>",
        )
    )


def _credentials(security: list[Schema]) -> str:
    if not security:
        return "For everybody."
    return "Credentials optional." if {} in security else "Credentials always."


def _parameters(parameters: list[Schema]) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}"
        f"<td>{_show(each['schema'])}<td>{_prose(each.get('description', ''))}"
        for each in parameters
    ]
    return f"<table><tbody>{''.join(rows)}</tbody></table>" if rows else ""


def _body(body: Schema | None) -> str:
    if body is None:
        return ""
    shown = "; ".join(
        _show(content["schema"])
        if media == "application/json"
        else f"{escape(media)}: {_show(content['schema'])}"
        for media, content in body["content"].items()
    )
    return f"<p>Body: {shown}</p>"


def _responses(responses: Schema) -> str:
    rows = []
    for status, response in responses.items():
        shown = "; ".join(
            f"{escape(media)}: {_show(content['schema'])}"
            for media, content in response.get("content", {}).items()
        )
        if int(status) < 400:
            rows.append(f"<tr><td>{status}<td>{_prose(response['description'])}<td>{shown}")
    refusals = ", ".join(status for status in responses if int(status) >= 400)
    rows.append(f"<tr><td>{refusals}<td>Refused; the body says how to mend it.<td>")
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _type(name: str, kind: Schema) -> str:
    needed = set(kind.get("required", ()))
    rows = [
        f"<tr><td><code>{escape(field)}</code>{'' if field in needed else '?'}<td>{_show(schema)}"
        for field, schema in kind.get("properties", {}).items()
    ]
    table = f"<table><tbody>{''.join(rows)}</tbody></table>" if rows else f"<p>{_show(kind)}</p>"
    says = _prose(kind.get("description", ""))
    return (
        f'<article id="type-{escape(name)}"><h3>{escape(name)}</h3><p>{says}</p>{table}</article>'
    )


def _show(schema: Schema | bool) -> str:  # noqa: FBT001 - JSON Schema has both
    """A schema in a few words, with links to the types that it names."""
    if isinstance(schema, bool):
        return "anything"
    return " or ".join(_kinds(schema)) or "anything"


def _kinds(schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        yield f'<a href="#type-{name}">{name}</a>'
    elif "anyOf" in schema or "oneOf" in schema:
        for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from _kinds(each)
    elif "contentSchema" in schema.get("properties", {}).get("data", {}):
        yield f"events of {_show(schema['properties']['data']['contentSchema'])}"
    elif "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        yield " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    elif "prefixItems" in schema:
        yield f"list of {', '.join(map(_show, schema['prefixItems']))}"
    elif schema.get("type") == "array":
        yield f"list of {_show(schema.get('items', {}))}"
    elif schema.get("format") == "binary":
        yield "bytes"
    elif "type" in schema:
        yield escape(str(schema["type"]))


def _prose(text: str) -> str:
    """Words with `code` in them."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces)
    )
