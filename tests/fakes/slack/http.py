"""From an HTTP request to a method, and back."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.slack import agents, chat, conversations, files, identity, streams
from tests.fakes.slack.ask import arguments
from tests.fakes.slack.faults import Fault
from tests.fakes.slack.grants import Grant, need_scope
from tests.fakes.slack.log import Call
from tests.fakes.slack.refused import Limited, Refused

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack

METHODS = {
    **chat.METHODS,
    **streams.METHODS,
    **conversations.METHODS,
    **agents.METHODS,
    **files.METHODS,
    **identity.METHODS,
}
SCOPES = {
    **dict.fromkeys((*chat.METHODS, *streams.METHODS), "chat:write"),
    "conversations.open": "im:write",
    "users.info": "users:read",
    "files.info": "files:read",
    "assistant.threads.setStatus": "chat:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "agents.sessions.setStatus": "chat:write",
}


async def method(fake: "FakeSlack", request: web.Request) -> web.Response:
    """A call of the Web API."""
    body = await request.read()
    call = Call(method=request.match_info["method"], team=None, args={}, at=fake.clock.now())
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        call.args = arguments(request.query, request.content_type, body)
    except Refused as refused:
        process = partial(_refused, call, refused)
    else:
        token = str(call.args.pop("token", token))
        grant = fake.grants.tokens.get(token)
        call.team = grant.workspace.team if grant else None
        process = partial(_process, fake, call, token)
    return await _serve(fake, call, process, request)


async def respond(fake: "FakeSlack", request: web.Request) -> web.Response:
    """A use of a response_url."""
    body, found = await request.read(), fake.responses.find(request.path)
    if found is None:
        return web.Response(status=404, text="no_team")
    team, args = found.workspace.team, {"body": body.decode()}
    call = Call(method="response_url", team=team, args=args, at=fake.clock.now())

    def use() -> web.Response:
        status, text = fake.responses.use(found, body)
        call.answer = {"ok": status == 200, "status": status, "body": text}
        return web.Response(status=status, text=text)

    return await _serve(fake, call, use, request)


async def file(fake: "FakeSlack", request: web.Request) -> web.Response:
    """A GET of a file: it is logged as the method "file"."""
    team, _, id_ = request.match_info["key"].partition("-")
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    call = Call(method="file", team=team, args={"file": id_, "token": token}, at=fake.clock.now())
    return await _serve(fake, call, partial(fake.files.serve, id_, token), request)


async def _serve(
    fake: "FakeSlack", call: Call, process: Callable[[], web.Response], request: web.Request
) -> web.Response:
    fake.log.record(call)
    fault = fake.faults.take(call.method, call.team)
    if fault is None:
        answer = process()
        fake.log.wake()
        return answer
    return await _go_wrong(fake, fault, call, process, request)


async def _go_wrong(
    fake: "FakeSlack",
    fault: Fault,
    call: Call,
    process: Callable[[], web.Response],
    request: web.Request,
) -> web.Response:
    answer = process() if fault.processed else None
    fake.log.wake()
    if fault.hold:
        await fault.hold.wait()
        answer = answer or process()
        fake.log.wake()
        return answer
    if fault.error:
        call.answer = {"ok": False, "error": fault.error}
    if fault.status is None and request.transport:
        request.transport.close()
    return web.Response(status=fault.status or 200, text=fault.body, headers=fault.headers)


def _process(fake: "FakeSlack", call: Call, token: str) -> web.Response:
    try:
        grant, answer = _answer(fake, call, token)
    except Refused as refused:
        return _refused(call, refused)
    except Limited as limited:
        call.answer = {"ok": False, "error": "ratelimited"}
        return _json(call.answer, status=429, headers={"Retry-After": str(limited.retry_after)})
    call.answer = {"ok": True, **answer}
    headers = {"X-OAuth-Scopes": ",".join(grant.scopes)} if grant else {}
    return _json(call.answer, headers=headers)


def _answer(fake: "FakeSlack", call: Call, token: str) -> tuple[Grant | None, dict[str, Any]]:
    if call.method == "oauth.v2.access":
        return None, identity.access(fake, call.args, token)
    if call.method == "apps.connections.open":
        return None, identity.connect(fake, token)
    run = METHODS.get(call.method)
    if run is None:
        raise Refused("unknown_method", req_method=call.method)
    grant = fake.grants.find(token)
    ask = fake.ask(grant, call.args)
    call.team = ask.workspace.team
    wait = fake.rates.call(call.team, call.method, call.at) if fake.limits_on else None
    if wait is not None:
        raise Limited(wait)
    if call.method in SCOPES:
        need_scope(grant, SCOPES[call.method])
    return grant, run(ask)


def _refused(call: Call, refused: Refused) -> web.Response:
    call.answer = {"ok": False, "error": refused.error, **refused.more}
    return _json(call.answer)


def _json(
    answer: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = json.dumps(answer).encode()
    return web.Response(
        status=status, body=body, headers=headers, content_type="application/json", charset="utf-8"
    )
