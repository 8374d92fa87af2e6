"""What the AI SDK's clients send: their chat's messages, of which the last is the question."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from adapters.web.errors import Refused
from adapters.web.fields import Name
from adapters.web.wire import NAME_RULE, fit, name_in
from core.text import clean
from core.types import PromptMessage

# A client's name for a message, also with what is added to those that took another's place.
_KNOWN = re.compile(r"[A-Za-z0-9._:-]{1,128}(~[0-9a-f]{16})?")
Trigger = Literal["submit-message", "regenerate-message"]


class UiPart(msgspec.Struct):
    """A part of a message. Those of the type `text` count, and hold `text`."""

    type: str
    text: str | None = None


class UiMessage(msgspec.Struct):
    """A message, in parts."""

    role: Literal["user", "assistant", "system"]
    parts: list[UiPart] = []
    id: Name | None = None


class UiChat(msgspec.Struct, rename="camel"):
    """A chat called `id`, all of its messages. `messageId` is the one that is to be replaced."""

    messages: Annotated[list[UiMessage], Meta(min_length=1)]
    id: Name | None = None
    trigger: Trigger = "submit-message"
    message_id: str | None = None


class UiLast(msgspec.Struct, rename="camel"):
    """The same for clients that send the last message alone."""

    message: UiMessage
    id: Name | None = None
    trigger: Trigger = "submit-message"
    message_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question to the chat `session`, and what its client has of the conversation before it.

    `message` is the client's name for the question. It is to be answered once more if `anew`;
    else it takes the place of the message called `replaces`, if that is set.
    """

    session: str
    text: str
    message: str | None
    before: tuple[PromptMessage, ...]
    system: str | None
    anew: bool
    replaces: str | None


def asked_in(body: Mapping[str, Any]) -> Asked:
    """Read a request's body. Raises `Refused` (400), which says what to mend."""
    session = name_in(dict(body), "id")
    chat = fit(body, UiLast) if "message" in body else fit(body, UiChat)
    *before, last = chat.messages if isinstance(chat, UiChat) else [chat.message]
    if last.role != "user":
        raise _refused("The last message must be the user's.")
    return Asked(
        session=session,
        text=_question(last),
        message=last.id,
        before=_said(before),
        system="\n\n".join(_words(each) for each in before if each.role == "system") or None,
        anew=chat.trigger == "regenerate-message",
        replaces=_replaced(chat.message_id),
    )


def _replaced(name: str | None) -> str | None:
    if name is not None and not _KNOWN.fullmatch(name):
        raise Refused(400, "invalid_request", f"messageId must be {NAME_RULE}.", param="messageId")
    return name


def _question(message: UiMessage) -> str:
    # A model that never saw the file would answer as if it had not been sent.
    if any(part.type == "file" for part in message.parts):
        raise _refused("Files can't be read here; send the message as text alone.")
    text = _words(message)
    if not text.strip():
        raise _refused('The last message has no text: a part {"type": "text", "text": "…"}.')
    return text


def _said(messages: Iterable[UiMessage]) -> tuple[PromptMessage, ...]:
    """What people and models said, in words; the rest no model is told."""
    return tuple(
        PromptMessage(role=each.role, text=text)
        for each in messages
        if each.role != "system" and (text := _words(each)).strip()
    )


def _words(message: UiMessage) -> str:
    texts = [part.text for part in message.parts if part.type == "text" and part.text]
    return clean("\n\n".join(texts))


def _refused(message: str) -> Refused:
    return Refused(400, "invalid_request", message, param="messages")
