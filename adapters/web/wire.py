"""Bodies and names as they come over the wire, checked."""

import re
from typing import Any, NoReturn
from uuid import uuid4

import msgspec
from aiohttp import web

from adapters.web.errors import Refused
from core.text import clean
from core.types import Address

BODY_LIMIT = 256 * 1024
PLATFORM, PUBLIC = "web", "public"  # everybody is one, while nobody signs in
LARGEST = 2**63 - 1

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")
NAME_RULE = "1 to 128 letters, digits or . _ : - (and not . or .. alone)"

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; other JSON is one that lacks every key.

    Raises `Refused` (415, 400) and the framework's 413.
    """
    if request.content_type != "application/json":
        raise Refused(
            415,
            "unsupported_media_type",
            "Send JSON, with the header Content-Type: application/json.",
        )
    try:
        body = _decode(await request.read())
    except web.RequestPayloadError as error:
        raise Refused(400, "invalid_body", "The body is not encoded as its headers say.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_json", "invalid JSON") from error
    return body if isinstance(body, dict) else {}


def text_in(body: dict[str, Any], key: str) -> str:
    """A message's text: a string with something to read in it. Raises `Refused`."""
    value = body.get(key)
    text = clean(value) if isinstance(value, str) else ""
    if not text.strip():
        raise Refused(400, "invalid_request", f"{key} is required")
    return text


def name_in(body: dict[str, Any], key: str) -> str:
    """A name that the client chose, or a new one. Raises `Refused`."""
    value = body.get(key)
    if value is None:
        return str(uuid4())
    if not isinstance(value, str) or not is_name(value):
        raise Refused(400, "invalid_request", f"{key} must be {NAME_RULE}.")
    return value


def is_name(value: str) -> bool:
    """Whether a session or message may be called that."""
    return _NAME.fullmatch(value) is not None and value not in {".", ".."}


def address_of(session: str) -> Address:
    """Where a web session takes place."""
    return Address(platform=PLATFORM, account=PUBLIC, conversation=session)


def message_key(session: str, message: str) -> str:
    """A message's identity: its client's name for it, within its session.

    Names may hold colons, so a sign that they can't hold stands between the two.
    """
    return f"{PLATFORM}:{PUBLIC}:{session}/{message}"


def number(value: str, missing: Refused) -> int:
    """An id in digits. Raises `missing` for all that can't be one."""
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        _raise(missing)
    if (found := int(value)) > LARGEST:
        _raise(missing)
    return found


def _raise(error: Refused) -> NoReturn:
    raise error


def reply(body: object, *, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(status=status, body=encode(body), content_type="application/json")
