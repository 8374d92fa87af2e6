"""Errors as the caller's protocol wants them: one sentence that says what to mend."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from core.errors import NotFound, Transient

NATIVE = "/api/v1/"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What the framework refuses by itself, in words that help.
STATUS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take {method}; it takes {allow}."),
    413: ("too_large", "The body is too large; 256 KiB is the most."),
}


class Refused(Exception):
    """Tell the caller: `status` and `code` for programs, `message` for whoever mends it."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


@web.middleware
async def speak_plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal in the form that the path's protocol uses."""
    try:
        return await handler(request)
    except Refused as refused:
        return _response(request, refused)
    except NotFound:
        return _response(request, Refused(404, "not_found", "There is no such thing here."))
    except Transient as error:
        message = "The server can't take this right now; try again in a moment."
        wait = error.retry_after or 2
        return _response(request, Refused(503, "unavailable", message, retry_after=wait))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _response(request, _framework(request, error))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


def _framework(request: web.Request, error: web.HTTPException) -> Refused:
    code, message = STATUS.get(error.status, ("refused", error.reason))
    allow = error.headers.get("Allow", "other methods")
    return Refused(error.status, code, message.format(method=request.method, allow=allow))


def form(path: str, refused: Refused) -> bytes:
    """The refusal's body, as the path's protocol has it."""
    body: object = {"error": refused.message}
    if path.startswith(NATIVE):
        body = {"error": {"code": refused.code, "message": refused.message}}
    return msgspec.json.encode(body)


def _response(request: web.Request, refused: Refused) -> web.Response:
    response = web.Response(
        status=refused.status,
        body=form(request.path, refused),
        content_type="application/json",
    )
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(refused.retry_after)))
    return response
