"""Errors as the caller's protocol wants them: one sentence that says what to mend."""

from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Self

import msgspec
from aiohttp import web

from core.errors import NotFound, RateLimited, Transient

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What the framework refuses by itself, in words that help.
STATUS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take {method}; it takes {allow}."),
    413: ("too_large", "The body is too large; 256 KiB is the most."),
}


class Refused(Exception):
    """Tell the caller: `status` and `code` for programs, `message` for whoever mends it.

    `param` is the field that is at fault, if one is. `retry_after` is in seconds.
    """

    def __init__(  # noqa: PLR0913 - what a refusal may say
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.headers = dict(headers or {})


@web.middleware
async def speak_plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal in the form that the path's protocol uses."""
    try:
        return await handler(request)
    except (Refused, NotFound, Transient) as error:
        return response_to(request.path, refusal(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = response_to(request.path, _framework(request, error))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


def refusal(error: Exception) -> Refused:
    """What to tell a caller of an error that was raised on purpose."""
    match error:
        case Refused():
            return error
        case NotFound():
            return Refused(404, "not_found", "There is no such thing here.")
        case RateLimited():
            return Refused(429, "rate_limited", str(error), retry_after=error.retry_after or 2)
        case Transient():
            message = "The server can't take this right now; try again in a moment."
            return Refused(503, "unavailable", message, retry_after=error.retry_after or 2)
        case _:
            raise error


def _framework(request: web.Request, error: web.HTTPException) -> Refused:
    code, message = STATUS.get(error.status, ("refused", error.reason))
    allow = error.headers.get("Allow", "other methods")
    return Refused(error.status, code, message.format(method=request.method, allow=allow))


def body_of(path: str, refused: Refused) -> bytes:
    """The refusal's body, as the path's protocol has it."""
    return msgspec.json.encode(form_of(path).of(refused))


def response_to(path: str, refused: Refused) -> web.Response:
    """The refusal as a response."""
    response = web.Response(
        status=refused.status,
        body=body_of(path, refused),
        content_type="application/json",
        headers=refused.headers,
    )
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, ceil(refused.retry_after)))
    return response


class PlainError(msgspec.Struct):
    """What went wrong, and how to mend it."""

    error: str

    @classmethod
    def of(cls, refused: Refused) -> Self:
        """The refusal in this form."""
        return cls(error=refused.message)


class Fault(msgspec.Struct):
    """What went wrong: `code` for programs, `message` for whoever mends it."""

    code: str
    message: str


class NativeError(msgspec.Struct):
    """A refusal of the native API."""

    error: Fault

    @classmethod
    def of(cls, refused: Refused) -> Self:
        """The refusal in this form."""
        return cls(error=Fault(code=refused.code, message=refused.message))


class OpenAIFault(msgspec.Struct):
    """What went wrong, as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(msgspec.Struct):
    """A refusal in OpenAI's form."""

    error: OpenAIFault

    @classmethod
    def of(cls, refused: Refused) -> Self:
        """The refusal in this form."""
        kinds = {
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
        }
        kind = kinds.get(refused.status, "invalid_request_error")
        if refused.status >= 500:
            kind = "server_error"
        return cls(
            error=OpenAIFault(
                message=refused.message, type=kind, param=refused.param, code=refused.code
            )
        )


class Wrong(msgspec.Struct):
    """One field that is wrong, and where it is."""

    type: str
    loc: list[str | int]
    msg: str


class DetailError(msgspec.Struct):
    """A refusal: a sentence, or the fields that are wrong."""

    detail: str | list[Wrong]

    @classmethod
    def of(cls, refused: Refused) -> Self:
        """The refusal in this form."""
        if refused.status != 422:
            return cls(detail=refused.message)
        where: list[str | int] = ["body"] if refused.param is None else ["body", refused.param]
        return cls(detail=[Wrong(type=refused.code, loc=where, msg=refused.message)])


Form = type[PlainError | NativeError | OpenAIError | DetailError]

# A path's first segments, and how the clients of what is there read an error.
FORMS: tuple[tuple[str, Form], ...] = (
    ("/api/v1", NativeError),
    ("/v1", OpenAIError),
    *((path, DetailError) for path in ("/chat", "/chat-stream", "/history")),
    *((path, DetailError) for path in ("/sessions", "/reset", "/stats")),
)


def form_of(path: str) -> Form:
    """The form of errors at a path."""
    for prefix, form in FORMS:
        if path.startswith(prefix) and path[len(prefix) :][:1] in {"", "/"}:
            return form
    return PlainError
