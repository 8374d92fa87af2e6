"""What OpenAI's clients send, and what of it can be had here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from adapters.web.chats import Say
from adapters.web.door.peers import address
from adapters.web.errors import Refused
from adapters.web.wire import encode, name_in, name_once
from core.account import ONCE
from core.text import clean
from core.types import PromptMessage

Count = Annotated[int, msgspec.Meta(ge=1)]


class RequestPart(msgspec.Struct, frozen=True):
    """One part of a message. Only those of type `text` can be sent."""

    type: str
    text: str | None = None


class RequestMessage(msgspec.Struct, frozen=True):
    """A message. `system` and `developer` are the same; there are no tools."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[RequestPart] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """The answer's form: `text` is the only one."""

    type: str


class RequestMetadata(msgspec.Struct, frozen=True):
    """`session_id`: as the header X-Session-Id."""

    session_id: str | None = None


class ChatCompletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole conversation, which is remembered only if a session is named.

    The last message has to be the user's. `max_tokens` can only lower the server's own limit.
    `temperature`, `top_p`, `presence_penalty`, `frequency_penalty`, `seed`, `stop` and `user` are
    taken and have no effect, as fields that are not listed here. `tools`, `functions`, `audio`,
    `logprobs`, more than one answer and other formats than text are refused.
    """

    messages: Annotated[list[RequestMessage], msgspec.Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    metadata: RequestMetadata | None = None
    n: Count | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: ResponseFormat | None = None
    audio: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    user: str | None = None

    @property
    def limit(self) -> int | None:
        """The most tokens of the answer, by either of the names that it has had."""
        given = (self.max_tokens, self.max_completion_tokens)
        return min((limit for limit in given if limit is not None), default=None)

    @property
    def usage(self) -> bool:
        """Whether the stream should tell the tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A conversation, taken apart: `text` is what is asked now."""

    system: str | None
    transcript: tuple[PromptMessage, ...]
    text: str


# A field, whether it asks for what is not to be had, and what to do about it.
UNSUPPORTED: tuple[tuple[str, Callable[[ChatCompletionRequest], bool], str], ...] = (
    ("n", lambda asked: (asked.n or 1) > 1, "n: there is one answer; leave it out, or ask again."),
    ("tools", lambda asked: bool(asked.tools), "tools: none can be called here; leave it out."),
    (
        "functions",
        lambda asked: bool(asked.functions),
        "functions: none can be called here; leave it out.",
    ),
    (
        "response_format",
        lambda asked: asked.response_format is not None and asked.response_format.type != "text",
        "response_format: answers are text; leave it out, and say in a message what you need.",
    ),
    ("audio", lambda asked: asked.audio is not None, "audio: answers are text; leave it out."),
    (
        "logprobs",
        lambda asked: bool(asked.logprobs or asked.top_logprobs),
        "logprobs: the models here tell none; leave it out.",
    ),
)


def check(asked: ChatCompletionRequest) -> None:
    """Raise `Refused` for what would be answered otherwise than it was meant."""
    for field, wants, message in UNSUPPORTED:
        if wants(asked):
            raise Refused(400, "unsupported_parameter", message, param=field)


def take_apart(messages: Sequence[RequestMessage]) -> Asked:
    """Who said what, and what is asked. Raises `Refused`."""
    said = [(each.role, _text(each, at)) for at, each in enumerate(messages)]
    system = [text for role, text in said if role in {"system", "developer"} and text]
    spoken = [
        PromptMessage(role=role, text=text)
        for role, text in said
        if role == "user" or role == "assistant"  # noqa: PLR1714 - narrows the type
    ]
    if not spoken or spoken[-1].role != "user" or not spoken[-1].text.strip():
        message = "messages: the last one must be the user's, with text in it."
        raise Refused(400, "invalid_request", message, param="messages")
    *before, question = spoken
    return Asked(
        system="\n\n".join(system) or None,
        transcript=tuple(each for each in before if each.text),
        text=question.text,
    )


def _text(message: RequestMessage, at: int) -> str:
    if message.role in {"tool", "function"}:
        raise _bad(at, f"the role {message.role} is for tools, and none can be called here.")
    if not isinstance(message.content, list):
        return clean(message.content or "")
    for part in message.content:
        if part.type != "text":
            raise _bad(at, f"only parts of type text can be sent, not {part.type[:50]}.")
    return clean("\n".join(part.text or "" for part in message.content))


def _bad(at: int, message: str) -> Refused:
    return Refused(400, "invalid_request", f"messages[{at}]: {message}", param="messages")


def session_in(request: web.Request, asked: ChatCompletionRequest) -> str | None:
    """The session that the client wants to be remembered in, if it does. Raises `Refused`."""
    named = {
        "X-Session-Id": request.headers.get("X-Session-Id"),
        "metadata.session_id": asked.metadata and asked.metadata.session_id,
    }
    return next((name_in(named, key) for key, name in named.items() if name is not None), None)


def say(request: web.Request, asked: ChatCompletionRequest, session: str | None) -> Say:
    """What is asked, in its session, or in one that it is alone in. Raises `Refused`.

    With an `Idempotency-Key` the same request again is the same message, so it joins the first
    one's run. In a session of its own it has to find that session, which is therefore named by
    key and content; the content, so that a key used twice does not answer another question.
    """
    asks = take_apart(asked.messages)
    key = request.headers.get("Idempotency-Key")
    message = _same(key, asked, asks) if key else None
    once = name_once() if message is None else f"{ONCE}{message}"
    return Say(
        session=session or once,
        text=asks.text,
        ip=address(request),
        message=message,
        system=asks.system,
        transcript=() if session else asks.transcript,
        model=asked.model,
        max_tokens=asked.limit,
    )


def _same(key: str, asked: ChatCompletionRequest, asks: Asked) -> str:
    content = encode((asks, asked.model, asked.limit))
    return hashlib.sha256(key.encode(errors="surrogateescape") + b"\0" + content).hexdigest()
