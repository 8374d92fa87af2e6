"""A conversation as clients send it that keep it themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.web.errors import Refused
from core.text import clean
from core.types import PromptMessage, Role

ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """`question` is what the user says now, `before` what was said until then, oldest first.

    `system` is what the client would tell the model about how to behave, None if nothing.
    """

    question: str
    before: tuple[PromptMessage, ...]
    system: str | None


def transcript_in(messages: Iterable[Mapping[str, Any]]) -> Transcript:
    """Read messages that each have a `role` (a string) and `content` (a string, or text parts).

    Those without words, and of roles other than user, assistant and system, are left out.
    Raises `Refused` (400) for content that is no text, and unless the user speaks last.
    """
    read = [(str(each["role"]), _text(each["content"])) for each in messages]
    spoken = [(ROLES[role], text) for role, text in read if role in ROLES]
    if not spoken or spoken[-1][0] != "user" or not spoken[-1][1].strip():
        raise _refused("The last of messages must be the user's, with something to read in it.")
    told = [text for role, text in read if role == "system" and text.strip()]
    return Transcript(
        question=spoken[-1][1],
        before=tuple(
            PromptMessage(role=role, text=text) for role, text in spoken[:-1] if text.strip()
        ),
        system="\n\n".join(told) or None,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return clean(content)
    return clean("\n".join(map(_part, content)))


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise _refused('Parts of content must be text: {"type": "text", "text": "…"}.')


def _refused(message: str) -> Refused:
    return Refused(400, "invalid_request", message, param="messages")
