"""Bodies and names as they come over the wire, checked."""

import asyncio
import re
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec
from aiohttp import web

from adapters.web.door.principal import Principal
from adapters.web.errors import Refused
from core.account import ONCE
from core.text import clean
from core.types import Address

BODY_LIMIT = 256 * 1024
BODY_SECONDS = 30.0  # for all of a body to arrive
PLATFORM = "web"
LARGEST = 2**63 - 1
LONGEST_TAG = 35  # characters of a language tag

NAME_PATTERN = r"^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,128}$"
_NAME = re.compile(NAME_PATTERN)
NAME_RULE = "1 to 128 letters, digits or . _ : - (and not . or .. alone)"

_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode
T = TypeVar("T")


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; other JSON is one that lacks every key.

    Raises `Refused` (415, 408, 400) and the framework's 413.
    """
    if request.content_type != "application/json":
        raise Refused(
            415,
            "unsupported_media_type",
            "Send JSON, with the header Content-Type: application/json.",
        )
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = _decode(await request.read())
    except TimeoutError as error:
        raise Refused(408, "timeout", "The body did not arrive in time; send it again.") from error
    except web.RequestPayloadError as error:
        raise Refused(400, "invalid_body", "The body is not encoded as its headers say.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_json", "invalid JSON") from error
    return body if isinstance(body, dict) else {}


def fit(body: object, kind: type[T], *, status: int = 400) -> T:
    """The body as a `msgspec.Struct`. Raises `Refused` (`status`), which names what is wrong."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise Refused(status, "invalid_request", f"{error}.") from error


def text_in(body: dict[str, Any], key: str, *, needed: bool = True) -> str:
    """A message's text: a string with something to read in it. Raises `Refused`.

    If it is not `needed`, it may also be blank or not there, which is ''.
    """
    value = body.get(key)
    text = clean(value) if isinstance(value, str) else ""
    if text.strip():
        return text
    if needed or not isinstance(value, str | None):
        raise Refused(400, "invalid_request", f"{key} is required", param=key)
    return ""


def name_in(body: dict[str, Any], key: str) -> str:
    """A name that the client chose, or a new one. Raises `Refused`."""
    value = body.get(key)
    if value is None:
        return new_name()
    if not isinstance(value, str) or not is_name(value):
        raise Refused(400, "invalid_request", f"{key} must be {NAME_RULE}.", param=key)
    return value


def language_in(body: dict[str, Any]) -> str | None:
    """The language that a client says its user reads; None if it says nothing. Raises `Refused`."""
    value = body.get("language")
    if value is None or (isinstance(value, str) and len(value) <= LONGEST_TAG):
        return value
    says = "language must be a language tag, such as de or pt-BR."
    raise Refused(400, "invalid_request", says, param="language")


def names_in(body: dict[str, Any], key: str, *, most: int) -> tuple[str, ...]:
    """Names in a list, each once; none if there is no list. Raises `Refused`."""
    found = body.get(key)
    if found is None:
        return ()
    if isinstance(found, list) and len(found) <= most:
        names = {name for name in found if isinstance(name, str) and is_name(name)}
        if len(names) == len(found):
            return tuple(found)
    message = f"{key} must be a list of up to {most} ids, each once."
    raise Refused(400, "invalid_request", message, param=key)


def new_name() -> str:
    """A name that nobody has."""
    return str(uuid4())


def name_once() -> str:
    """The name of a conversation that is one question alone. No client can choose such a one."""
    return f"{ONCE}{uuid4()}"


def name_of(request: web.Request, key: str = "session") -> str:
    """A name in the path. Raises `Refused`."""
    value = request.match_info[key]
    if not is_name(value):
        raise Refused(400, "invalid_request", f"A {key}'s id is {NAME_RULE}.", param=key)
    return value


def is_name(value: str) -> bool:
    """Whether a session or message may be called that."""
    return _NAME.fullmatch(value) is not None


def address_of(principal: Principal, session: str) -> Address:
    """Where a caller's session takes place."""
    return Address(platform=PLATFORM, account=principal.account, conversation=session)


def message_key(principal: Principal, session: str, message: str) -> str:
    """A message's identity: its client's name for it, within its caller's session.

    Names may hold colons, so signs that they can't hold stand between the parts.
    """
    return f"{PLATFORM}:{quote(principal.account, safe='')}:{session}/{message}"


def is_ours(key: str) -> bool:
    """Whether a message came over the web: people go on with conversations from elsewhere here."""
    return key.startswith(f"{PLATFORM}:")


def name_in_key(key: str) -> str:
    """The client's name for a message, of which `message_key` made `key`."""
    return key.rpartition("/")[2]


def number(value: str, missing: Refused) -> int:
    """An id in digits. Raises `missing` for all that can't be one."""
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        _raise(missing)
    if (found := int(value)) > LARGEST:
        _raise(missing)
    return found


def _raise(error: Refused) -> NoReturn:
    raise error


def reply(
    body: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """A JSON response."""
    return web.Response(
        status=status, body=encode(body), content_type="application/json", headers=headers
    )
