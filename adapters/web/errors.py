"""Errors as the caller's protocol wants them: one sentence that says what to mend."""

from collections.abc import Awaitable, Callable, Mapping

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


def form(path: str, refused: Refused) -> bytes:
    """The refusal's body, as the path's protocol has it."""
    for prefix, shape in FORMS:
        if path.startswith(prefix) and path[len(prefix) :][:1] in {"", "/"}:
            return msgspec.json.encode(shape(refused))
    return msgspec.json.encode({"error": refused.message})


def response_to(path: str, refused: Refused) -> web.Response:
    """The refusal as a response."""
    response = web.Response(
        status=refused.status,
        body=form(path, refused),
        content_type="application/json",
        headers=refused.headers,
    )
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(refused.retry_after)))
    return response


def _native(refused: Refused) -> object:
    return {"error": {"code": refused.code, "message": refused.message}}


def _openai(refused: Refused) -> object:
    kinds = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
    }
    server = "server_error" if refused.status >= 500 else "invalid_request_error"
    kind = kinds.get(refused.status, server)
    return {
        "error": {
            "message": refused.message,
            "type": kind,
            "param": refused.param,
            "code": refused.code,
        }
    }


def _detail(refused: Refused) -> object:
    if refused.status != 422:
        return {"detail": refused.message}
    where = ["body"] if refused.param is None else ["body", refused.param]
    return {"detail": [{"type": refused.code, "loc": where, "msg": refused.message}]}


# A path's first segments, and how the clients of what is there read an error. All other paths have
# `{"error": …}`.
FORMS: tuple[tuple[str, Callable[[Refused], object]], ...] = (
    ("/api/v1", _native),
    ("/v1", _openai),
    *((path, _detail) for path in ("/chat", "/chat-stream", "/history")),
    *((path, _detail) for path in ("/sessions", "/reset", "/stats")),
)
