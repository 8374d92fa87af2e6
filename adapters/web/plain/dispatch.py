"""Which of the dialects that share `POST /api/chat` a request speaks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from adapters.web.errors import Refused

VARY = {"Vary": "Accept, Authorization"}  # what decides, besides the address and the body
TRIGGERS = ("submit-message", "regenerate-message")


class Speech(StrEnum):
    """The dialects, by their names in `?protocol=`."""

    TYPED = "typed"  # a message; its answer as typed events
    RESPONSE = "response"  # a transcript; its answer as events with a `response`
    JSON = "json"  # a message; its answer in one piece
    UI = "ui"  # the AI SDK's messages; its answer as UI message chunks
    TEXT = "text"  # the AI SDK's messages; its answer as plain text


class Shape(StrEnum):
    """What a body may be, in words for whoever sent another."""

    MESSAGE = "a message that is a text, and no messages"
    TRANSCRIPT = "messages that each have a role and content, and no message"
    PARTS = "messages (or one message) with parts"


NEEDS = {
    Speech.TYPED: Shape.MESSAGE,
    Speech.JSON: Shape.MESSAGE,
    Speech.RESPONSE: Shape.TRANSCRIPT,
    Speech.UI: Shape.PARTS,
    Speech.TEXT: Shape.PARTS,
}


def speech(
    body: Mapping[str, Any], *, accept: str, authorized: bool, protocol: str | None
) -> Speech:
    """The dialect of a request, whose answer is to be in it too.

    `accept` is the header's value, `authorized` whether there was an Authorization header, and
    `protocol` what the query asks for. Raises `Refused` (400) for a body that no dialect has.
    """
    shape = _shape(body)
    if protocol is not None:
        return _wanted(protocol, shape, body)
    match shape:
        case Shape.PARTS:
            return Speech.UI
        case Shape.TRANSCRIPT:
            return Speech.RESPONSE
        case Shape.MESSAGE:
            return _streamed(body) or _accepted(accept) or _usual(authorized=authorized)
        case None:
            raise _unfit(body)


def _shape(body: Mapping[str, Any]) -> Shape | None:
    message, messages = body.get("message"), body.get("messages")
    if _has_parts(message):
        return Shape.PARTS
    if isinstance(messages, list):
        if body.get("trigger") in TRIGGERS or any(map(_has_parts, messages)):
            return Shape.PARTS
        if message is None and messages and all(map(_is_turn, messages)):
            return Shape.TRANSCRIPT
    if isinstance(message, str) and message and messages is None:
        return Shape.MESSAGE
    return None


def _has_parts(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("parts"), list)


def _is_turn(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str | list)
    )


def _wanted(protocol: str, shape: Shape | None, body: Mapping[str, Any]) -> Speech:
    if protocol not in set(Speech):
        names = ", ".join(Speech)
        raise Refused(400, "invalid_request", f"protocol must be one of: {names}.")
    if shape is None:
        raise _unfit(body)
    wanted = Speech(protocol)
    if NEEDS[wanted] != shape:
        needs = f"protocol={wanted} needs a body with {NEEDS[wanted]}."
        raise Refused(400, "invalid_request", needs, param="protocol")
    return wanted


def _streamed(body: Mapping[str, Any]) -> Speech | None:
    match body.get("stream"):
        case True:
            return Speech.TYPED
        case False:
            return Speech.JSON
    return None


def _accepted(accept: str) -> Speech | None:
    """What a client takes and nothing else; libraries that name JSON first take `*/*` too."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    events, whole = "text/event-stream" in kinds, "application/json" in kinds
    if "*/*" in kinds or events == whole:
        return None
    return Speech.TYPED if events else Speech.JSON


def _usual(*, authorized: bool) -> Speech:
    return Speech.JSON if authorized else Speech.TYPED


def _unfit(body: Mapping[str, Any]) -> Refused:
    messages = body.get("messages")
    if isinstance(messages, list) and any(map(_is_of_deep_chat, messages)):
        return Refused(
            400,
            "invalid_request",
            "messages need a role and content each; those of deep-chat go to /compat/deep-chat.",
            param="messages",
        )
    if body.get("message") is not None and body.get("messages") is not None:
        words = "message is required, or messages: send one of them, not both."
        return Refused(400, "invalid_request", words, param="message")
    return Refused(400, "invalid_request", "message is required", param="message")


def _is_of_deep_chat(message: Any) -> bool:
    return isinstance(message, dict) and "text" in message and "content" not in message
