"""What the Messages API refuses, in its own words."""

import base64
from collections.abc import Collection, Iterator, Mapping
from typing import Any

FIELDS = frozenset(
    {"model", "max_tokens", "messages", "system", "stream", "metadata", "stop_sequences"}
    | {"tools", "tool_choice", "thinking", "output_config", "cache_control", "service_tier"}
)
FILES = {
    "image": ("image/jpeg", "image/png", "image/gif", "image/webp"),
    "document": ("application/pdf",),
}
LARGEST_IMAGE = 5 * 1024 * 1024
SAMPLING = ("temperature", "top_p", "top_k")


def refusal(
    headers: Mapping[str, str], body: Any, keys: Collection[str] | None, refuses: Collection[str]
) -> tuple[int, str, str] | None:
    """Status, error type and message for a request that the API would refuse, else None.

    `keys` are the keys that are accepted (None: any), `refuses` fields that are unknown here.
    """
    if fault := _unauthorized(headers, keys):
        return 401, "authentication_error", fault
    for fault in _faults(headers, body, refuses):
        return 400, "invalid_request_error", fault
    return None


def _unauthorized(headers: Mapping[str, str], keys: Collection[str] | None) -> str | None:
    given = {headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")}
    given -= {None, ""}
    if not given:
        return "x-api-key header is required"
    return "invalid x-api-key" if keys is not None and not given & set(keys) else None


def _faults(headers: Mapping[str, str], body: Any, refuses: Collection[str]) -> Iterator[str]:
    if "anthropic-version" not in headers:
        yield "anthropic-version: header is required"
    if not isinstance(body, dict):
        yield "The request body is not valid JSON"
        return
    yield from (f"{name}: Field required" for name in ("model", "max_tokens") if name not in body)
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    yield from (f"`{name}` is not supported by this model." for name in SAMPLING if name in body)
    yield from (f"{name}: Extra inputs are not permitted" for name in body if name not in FIELDS)
    yield from (f"{n}: Extra inputs are not permitted" for n in refuses if _mentions(body, n))
    yield from _message_faults(body.get("messages"))
    if isinstance(system := body.get("system"), str | list) and not _texts(system):
        yield "system: text content blocks must be non-empty"
    if (marks := count(body)) > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."


def _message_faults(messages: Any) -> Iterator[str]:
    if not isinstance(messages, list):
        yield "messages: Field required"
    elif not messages:
        yield "messages: at least one message is required"
    else:
        for at, message in enumerate(messages):
            if message.get("role") not in {"user", "assistant"}:
                yield f"messages.{at}.role: Input should be 'user' or 'assistant'"
            files = _files(message.get("content"))
            yield from (f"messages.{at}.content.{n}: {says}" for n, says in _file_faults(files))
            if not _texts(message.get("content")) and not files:
                yield f"messages.{at}: all messages must have non-empty content"
        if messages[0]["role"] != "user":
            yield 'messages: first message must use the "user" role'
        if messages[-1]["role"] != "user":
            yield "This model does not support assistant message prefill."


def _files(content: Any) -> list[dict[str, Any]]:
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if block.get("type") != "text"]


def _file_faults(files: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    for at, block in enumerate(files):
        kind, source = block.get("type"), block.get("source", {})
        if kind not in FILES:
            yield at, "Input tag does not match any of the expected tags"
        elif source.get("type") != "base64" or source.get("media_type") not in FILES[kind]:
            yield at, f"{kind}.source.base64.media_type: Input should be {FILES[kind]}"
        elif not (content := _decoded(source.get("data"))):
            yield at, f"{kind}.source.base64: Could not process {kind}"
        elif kind == "image" and len(content) > LARGEST_IMAGE:
            yield at, f"image exceeds 5 MB maximum: {len(content)} bytes > {LARGEST_IMAGE} bytes"


def _decoded(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError):
        return b""


def _texts(content: Any) -> list[str]:
    """The texts of a content, without empty ones: a content that is none has none."""
    if isinstance(content, str):
        return [content] if content.strip() else []
    blocks = content if isinstance(content, list) else []
    return [block["text"] for block in blocks if block.get("text", "").strip()]


def text_of(content: Any) -> str:
    """The words of a message's or a system prompt's content, whichever form it has."""
    return "".join(_texts(content))


def count(value: Any, name: str = "cache_control") -> int:
    """How often `name` is a key anywhere in the body."""
    if isinstance(value, list):
        return sum(count(item, name) for item in value)
    if isinstance(value, dict):
        return sum((key == name) + count(item, name) for key, item in value.items())
    return 0


def _mentions(body: dict[str, Any], name: str) -> bool:
    return count(body, name) > 0
