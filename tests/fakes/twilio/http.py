"""From an HTTP request to what it asks for, and back."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.twilio import listing
from tests.fakes.twilio.create import create
from tests.fakes.twilio.faults import Fault
from tests.fakes.twilio.log import Call
from tests.fakes.twilio.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.twilio.server import FakeTwilio

ACCOUNT = "/2010-04-01/Accounts/{account}"
FORM = "application/x-www-form-urlencoded"

_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")


def routes(fake: "FakeTwilio") -> list[web.RouteDef]:
    """The API's addresses."""
    return [
        web.post(f"{ACCOUNT}/Messages.json", partial(_serve, fake, "create", _create)),
        web.get(f"{ACCOUNT}/Messages.json", partial(_serve, fake, "list", _list)),
        web.get(f"{ACCOUNT}/Messages/{{sid}}.json", partial(_serve, fake, "fetch", _fetch)),
        web.get(
            f"{ACCOUNT}/Messages/{{sid}}/Media/{{media}}", partial(_serve, fake, "media", _media)
        ),
        web.post("/v2/Indicators/Typing.json", partial(_serve, fake, "typing", _typing)),
    ]


Fields = list[tuple[str, str]]
Process = Callable[["FakeTwilio", web.Request, Fields], web.Response]


async def _serve(
    fake: "FakeTwilio", method: str, process: Process, request: web.Request
) -> web.Response:
    fields = await _fields(request)
    call = Call(
        method=method, fields=dict(fields), headers=request.headers.copy(), at=fake.clock.now()
    )
    fake.running += 1
    fake.most_at_once = max(fake.most_at_once, fake.running)
    fake.log.record(call)
    try:
        answer = partial(_answer, fake, call, process, request, fields)
        fault = fake.faults.take(method, call.fields.get("To"))
        return answer() if fault is None else await _go_wrong(fault, answer, request)
    finally:
        fake.running -= 1
        fake.log.wake()


async def _go_wrong(
    fault: Fault, answer: Callable[[], web.Response], request: web.Request
) -> web.Response:
    processed = answer() if fault.accepted else None
    if fault.hold:
        await fault.hold.wait()
        return processed or answer()
    if fault.status is None and request.transport:
        request.transport.close()
    return web.Response(status=fault.status or 200, text=fault.body, headers=fault.headers)


def _answer(
    fake: "FakeTwilio", call: Call, process: Process, request: web.Request, fields: Fields
) -> web.Response:
    try:
        _check(fake, request)
        response = process(fake, request, fields)
    except Refused as refused:
        response = _json(refused.body, status=refused.status, headers=refused.headers)
    call.status = response.status
    fake.log.wake()
    return response


async def _fields(request: web.Request) -> Fields:
    """The form's fields, or the query's."""
    if request.method == "GET":
        return list(request.query.items())
    body = (await request.read()).decode()
    return parse_qsl(body, keep_blank_values=True) if request.content_type == FORM else []


def _check(fake: "FakeTwilio", request: web.Request) -> None:
    """Whether there is room, and it is the account's owner who asks. Raises `Refused`."""
    if fake.concurrency is not None and fake.running > fake.concurrency:
        raise Refused(20429, status=429, retry_after=fake.retry_after, says="Too Many Requests")
    kind, _, told = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, secret = base64.b64decode(told, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = secret = ""
    if kind != "Basic" or not secret or fake.keys.get(user) != secret:
        raise Refused(20003, status=401, says="Authenticate")
    if request.match_info.get("account", fake.account) != fake.account:
        raise Refused(20404, status=404, says="The requested resource was not found")


def _create(fake: "FakeTwilio", _: web.Request, fields: Fields) -> web.Response:
    media = tuple(value for name, value in fields if name == "MediaUrl")
    message = create(fake, dict(fields), media)
    fake.accepted(message)
    return _json(message.json, status=201)


def _list(fake: "FakeTwilio", _: web.Request, fields: Fields) -> web.Response:
    return _json(listing.page(fake, dict(fields)))


def _fetch(fake: "FakeTwilio", request: web.Request, _: Fields) -> web.Response:
    found = fake.messages.get(request.match_info["sid"])
    if found is None:
        raise Refused(20404, status=404, says="The requested resource was not found")
    return _json(found.json)


def _media(fake: "FakeTwilio", request: web.Request, _: Fields) -> web.Response:
    link = fake.store.link(request.match_info["sid"], request.match_info["media"])
    if link is None:
        raise Refused(20404, status=404, says="The requested resource was not found")
    return web.Response(status=302, headers={"Location": link})


def _typing(fake: "FakeTwilio", _: web.Request, fields: Fields) -> web.Response:
    given = dict(fields)
    sid = given.get("messageId", "")
    if given.get("channel") != "whatsapp" or not _SID.fullmatch(sid):
        raise Refused(20001, says="Invalid parameter")
    found = fake.messages.get(sid)
    if found is None or found.is_outbound:
        raise Refused(20404, status=404, says="There is no such inbound message")
    found.status = "read"
    fake.typings.append(sid)
    return _json({"success": True})


def _json(
    answer: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(answer).encode(),
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )
