"""What the doctor finds of WhatsApp."""

import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientConnectorDNSError, web
from twilio.request_validator import RequestValidator

from adapters.whatsapp.ingress import Ingress
from adapters.whatsapp.signature import Keys
from core.errors import Transient
from gateway.config import load
from gateway.doctor import findings
from gateway.whatsapp import STATUS_PATH
from gateway.whatsapp_doctor import whatsapp
from tests.databases import sqlite_url
from tests.fakes.hands import HandClock

ACCOUNT, OTHER = "AC" + "0" * 32, "AC" + "1" * 32
TOKEN, OLD = "hush4711" * 4, "4711hush" * 4
NUMBER = "+14155238886"
ACTIVE = {"sid": ACCOUNT, "friendly_name": "Acme", "status": "active", "type": "Full"}
REFUSED = {"code": 20003, "message": "Authenticate hush4711", "status": 401}


@dataclass
class Stage:
    """Twilio's API, and a gateway that Twilio reaches behind the path /bot, on one server."""

    port: int = 0
    account: Any = field(default_factory=lambda: dict(ACTIVE))  # a response is sent as it is
    tokens: tuple[str, ...] = (TOKEN,)  # that Twilio knows
    shared: dict[str, str] = field(default_factory=dict)  # that the gateway there knows
    theirs: dict[str, Any] = field(default_factory=dict)  # what the gateway there is told
    gateway: Any = None  # what it answers instead
    trouble: Exception | None = None  # when it stores
    asked: list[str] = field(default_factory=list)  # tokens
    told: list[dict[str, str]] = field(default_factory=list)  # reports that were taken
    facts: list[object] = field(default_factory=list)

    @property
    def here(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def api(self, request: web.Request) -> web.StreamResponse:
        user, _, token = (
            base64.b64decode(request.headers["Authorization"].removeprefix("Basic "))
            .decode()
            .partition(":")
        )
        assert user == request.match_info["account"] == ACCOUNT
        self.asked.append(token)
        if isinstance(self.account, web.StreamResponse):
            return self.account
        if token not in self.tokens:
            return web.json_response(REFUSED, status=401)
        return web.json_response(self.account)

    async def status(self, request: web.Request) -> web.StreamResponse:
        if callable(self.gateway):
            return await self.gateway(request)
        if self.gateway is not None:
            return self.gateway
        usual = {"account": ACCOUNT, "tokens": (TOKEN,), "url": f"http://{self.here}/bot"}
        known = usual | self.theirs
        ingress = Ingress(
            account=known["account"],
            keys=Keys(tokens=known["tokens"], shared=self.shared),
            public_urls=[known["url"]],
            on_inbound=self.take,
            on_status=self.take,
            observe=self.facts.append,
            clock=HandClock(),
        )
        # What stands before the gateway takes its own part of the path away.
        path = request.raw_path.removeprefix("/bot")
        return await ingress.status(request.clone(rel_url=path))

    async def take(self, fields):
        if self.trouble is not None:
            raise self.trouble
        self.told.append(dict(fields))

    def environ(self, **changes):
        usual = {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_WHATSAPP_NUMBER": NUMBER,
            "TWILIO_API_URL": f"http://{self.here}",
            "PUBLIC_URL": f"http://{self.here}/bot",
        }
        return {variable: value for variable, value in (usual | changes).items() if value}

    async def found(self, **environ):
        """Each finding by its name. No secret is in any of them."""
        settings = load(self.environ(**environ), None)
        told = {each.what: each async for each in whatsapp(settings)}
        assert "4711" not in str(told)
        assert ACCOUNT not in str(told)
        return told


@asynccontextmanager
async def stage():
    made = Stage()
    app = web.Application()
    app.router.add_get("/2010-04-01/Accounts/{account}.json", made.api)
    app.router.add_post(f"/bot{STATUS_PATH}", made.status)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


def verdicts(told):
    return {what: each.verdict for what, each in told.items()}


async def test_without_whatsapp_there_is_nothing_to_say():
    """And nobody is asked."""
    settings = load({"PUBLIC_URL": "http://127.0.0.1:9"}, None)
    assert [each async for each in whatsapp(settings)] == []


async def test_all_is_well():
    """The token opens the account, and what is signed as Twilio signs is taken."""
    async with stage() as there:
        told = await there.found()
        assert verdicts(told) == {"TWILIO_AUTH_TOKEN": "ok", "PUBLIC_URL": "ok"}
        assert told["TWILIO_AUTH_TOKEN"].words == "opens the account Acme"
        assert "signatures fit" in told["PUBLIC_URL"].words
        assert there.asked == [TOKEN]
        [report] = there.told
        assert report == {
            "AccountSid": ACCOUNT,
            "MessageSid": "SM" + "0" * 32,
            "MessageStatus": "queued",
            "To": "whatsapp:+15005550006",
            "From": f"whatsapp:{NUMBER}",
        }
        assert there.facts == []


async def test_a_messaging_service_needs_no_number():
    """What is reported on then is nobody's message to nobody."""
    async with stage() as there:
        told = await there.found(
            TWILIO_WHATSAPP_NUMBER="", TWILIO_MESSAGING_SERVICE_SID="MG" + "0" * 32
        )
        assert told["PUBLIC_URL"].verdict == "ok"
        assert there.told[0]["From"] == "whatsapp:+15005550006"


# --- the account ---


@pytest.mark.parametrize(
    ("status", "what", "verdict", "words"),
    [
        ("active", "TWILIO_AUTH_TOKEN", "ok", "opens the account"),
        ("suspended", "TWILIO_ACCOUNT_SID", "fail", "is suspended"),
        ("closed", "TWILIO_ACCOUNT_SID", "fail", "is closed"),
    ],
)
async def test_an_account_that_is_not_active_sends_nothing(status, what, verdict, words):
    """Though the token is good."""
    async with stage() as there:
        there.account["status"] = status
        told = await there.found()
        assert told[what].verdict == verdict
        assert words in told[what].words
        assert "PUBLIC_URL" in told


async def test_an_account_on_trial_is_told_to_be():
    """Whom it may write to is limited."""
    async with stage() as there:
        there.account["type"] = "Trial"
        assert (await there.found())[
            "TWILIO_AUTH_TOKEN"
        ].words == "opens the account Acme (on trial)"


async def test_a_name_is_shown_as_one_line():
    """Whatever its owner wrote."""
    async with stage() as there:
        there.account["friendly_name"] = "A\n\x1b[31m" + "b" * 500
        words = (await there.found())["TWILIO_AUTH_TOKEN"].words
        assert words.isprintable()
        assert len(words) < 120


@pytest.mark.parametrize(
    ("status", "body", "what", "verdict", "words"),
    [
        (401, REFUSED, "TWILIO_AUTH_TOKEN", "fail", "copy it anew"),
        (401, {}, "TWILIO_AUTH_TOKEN", "fail", "copy it anew"),
        (401, {"code": 20005}, "TWILIO_ACCOUNT_SID", "fail", "not active"),
        (403, {"code": 20005}, "TWILIO_ACCOUNT_SID", "fail", "not active"),
        (404, {"code": 20404}, "TWILIO_ACCOUNT_SID", "fail", "no such account"),
        (429, {"code": 20429}, "TWILIO_AUTH_TOKEN", "warn", "in a minute"),
        (403, {"code": 1}, "TWILIO_API_URL", "fail", "HTTP 403"),
        (500, {"code": 20500}, "TWILIO_API_URL", "fail", "HTTP 500"),
    ],
)
async def test_an_account_that_twilio_refuses(status, body, what, verdict, words):
    """Why, and what to do about it."""
    async with stage() as there:
        there.account = web.json_response(body, status=status)
        told = await there.found()
        assert list(told) == [what, "PUBLIC_URL"]
        assert told[what].verdict == verdict
        assert words in told[what].words


@pytest.mark.parametrize(
    ("known", "words"),
    [((OLD,), "put that one first"), ((), "copy it anew"), ((TOKEN, OLD), "opens the account")],
)
async def test_of_two_tokens_the_first_has_to_open_the_account(known, words):
    """It is the one that messages are sent with."""
    async with stage() as there:
        there.tokens = known
        told = await there.found(TWILIO_AUTH_TOKEN=f"{TOKEN},{OLD}")
        assert words in told["TWILIO_AUTH_TOKEN"].words
        assert (told["TWILIO_AUTH_TOKEN"].verdict == "ok") == (TOKEN in known)


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>", "content_type": "text/html"},
        {"text": "[" * 5000},
        {"text": "[]"},
        {"text": '{"status": 4711}'},
        {"body": b"\xff" * 100_000},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
    ],
)
async def test_a_server_that_is_not_twilio(answer):
    """The address is to be looked at, not the token."""
    async with stage() as there:
        there.account = web.Response(**answer)
        told = await there.found()
        assert verdicts(told) == {"TWILIO_API_URL": "fail", "PUBLIC_URL": "ok"}
        assert "not in Twilio's words" in told["TWILIO_API_URL"].words


async def test_twilio_that_is_out_of_reach():
    """The gateway is looked at all the same."""
    async with stage() as there:
        told = await there.found(TWILIO_API_URL="http://127.0.0.1:9")
        assert verdicts(told) == {"TWILIO_API_URL": "fail", "PUBLIC_URL": "ok"}
        assert "ClientConnectorError" in told["TWILIO_API_URL"].words


# --- signatures ---


@pytest.mark.parametrize(
    "theirs", ["https://{here}/bot", "http://{here}", "https://{here}", "http://127.0.0.1/bot"]
)
async def test_a_gateway_with_another_public_url_is_told_which(theirs):
    """With the other scheme, without the path, without the port."""
    async with stage() as there:
        url = theirs.format(here=there.here)
        there.theirs["url"] = url
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert f"what is signed for {url} instead" in finding.words


async def test_a_slash_too_many_is_told_of():
    """Twilio signs each sign of an address; only another gateway than this one would mind."""
    async with stage() as there:
        url = f"http://{there.here}/bot/"

        async def gateway(request):
            signature, fields = request.headers["X-Twilio-Signature"], dict(await request.post())
            if RequestValidator(TOKEN).validate(url + STATUS_PATH, fields, signature):
                return web.Response(status=204)
            return web.json_response({"error": "The signature does not fit."}, status=403)

        there.gateway = gateway
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert f"what is signed for {url} instead" in finding.words


async def test_a_gateway_with_another_address_altogether():
    """Which cannot be guessed: both variables are named."""
    async with stage() as there:
        there.theirs["url"] = "https://elsewhere.example"
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert "TWILIO_AUTH_TOKEN" in finding.words
        assert "PUBLIC_URL" in finding.words
        assert "elsewhere" not in finding.words


@pytest.mark.parametrize(
    ("ours", "words"),
    [(f"{TOKEN},{OLD}", "the old TWILIO_AUTH_TOKEN alone"), (TOKEN, "TWILIO_AUTH_TOKEN or its")],
)
async def test_a_gateway_with_another_token(ours, words):
    """The old one is told from one that is unknown here."""
    async with stage() as there:
        there.theirs["tokens"] = (OLD,)
        finding = (await there.found(TWILIO_AUTH_TOKEN=ours))["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert words in finding.words


async def test_a_gateway_of_another_account():
    """Its token fits, so that is not what is wrong."""
    async with stage() as there:
        there.theirs["account"] = OTHER
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert "another TWILIO_ACCOUNT_SID" in finding.words


async def test_each_public_address_is_looked_at():
    """What fits at one need not fit at another."""
    async with stage() as there:
        one, other = f"http://{there.here}/bot", f"http://{there.here}"
        settings = load(there.environ(PUBLIC_URL=f"{one},{other}"), None)
        told = [each async for each in whatsapp(settings)]
        assert [(each.what, each.verdict) for each in told[1:]] == [
            ("PUBLIC_URL", "ok"),
            ("PUBLIC_URL", "fail"),
        ]
        assert told[1].words.startswith(one + STATUS_PATH)
        assert told[2].words.startswith(other + STATUS_PATH)


@pytest.mark.parametrize(
    ("shared", "verdict", "words"),
    [
        ({"one": "4711a", "two": "4711b"}, "ok", "2 keys; what is signed with TWILIO_AUTH_TOKEN"),
        ({"one": "4711a"}, "fail", "with entry 2: set the same one, and start it again"),
    ],
)
async def test_each_shared_key_is_tried(shared, verdict, words):
    """The Auth Token is taken beside them."""
    async with stage() as there:
        there.shared = shared
        told = await there.found(TWILIO_SHARED_KEYS="one:4711a,two:4711b")
        assert told["TWILIO_SHARED_KEYS"].verdict == verdict
        assert words in told["TWILIO_SHARED_KEYS"].words
        assert told["PUBLIC_URL"].verdict == "ok"


async def test_a_gateway_that_cannot_store():
    """The signature is good; it is the database."""
    async with stage() as there:
        there.trouble = Transient("no")
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == "warn"
        assert "signatures fit" in finding.words
        assert "DATABASE_URL" in finding.words


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        ({"status": 404}, "fail", "a proxy strips a part of the path or adds one"),
        ({"status": 502}, "warn", "start the gateway"),
        ({"status": 503, "text": "<html>"}, "warn", "start the gateway"),
        ({"status": 301, "headers": {"Location": "/4711"}}, "fail", "leads elsewhere"),
        ({"status": 403, "text": "<html>4711"}, "fail", "a proxy in between refuses"),
        ({"status": 401}, "fail", "a proxy in between refuses"),
        ({"text": "<html>", "content_type": "text/html"}, "fail", "not this gateway"),
        ({"text": "<Response/>", "content_type": "text/xml"}, "fail", "not this gateway"),
    ],
)
async def test_an_address_with_no_gateway_behind_it(answer, verdict, words):
    """What came back tells what to mend."""
    async with stage() as there:
        there.gateway = web.Response(**answer)
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == verdict
        assert words in finding.words
        if answer.get("status") != 503:
            assert f"HTTP {answer.get('status', 200)}" in finding.words


async def test_an_address_that_leaves_out_a_part_of_the_path():
    """Twilio would find nothing there."""
    async with stage() as there:
        finding = (await there.found(PUBLIC_URL=f"http://{there.here}"))["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert "PUBLIC_URL lacks the part" in finding.words


async def test_an_address_that_nobody_answers_at():
    """The gateway may not be started yet, so it is no fault."""
    async with stage() as there:
        finding = (await there.found(PUBLIC_URL="http://127.0.0.1:9"))["PUBLIC_URL"]
        assert (finding.verdict, "start the gateway" in finding.words) == ("warn", True)


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        (ClientConnectorDNSError(None, OSError()), "fail", "no server has that name"),
        (TimeoutError(), "warn", "TimeoutError"),
    ],
)
async def test_an_address_that_leads_nowhere(monkeypatch, error, verdict, words):
    """A name that nobody has is a fault; silence may be a gateway that is busy."""

    async def fail(*_, **__):
        raise error

    monkeypatch.setattr("gateway.whatsapp_webhook_doctor._post", fail)
    async with stage() as there:
        finding = (await there.found())["PUBLIC_URL"]
    assert finding.verdict == verdict
    assert words in finding.words


async def test_an_address_without_good_https():
    """Twilio looks at the certificate."""
    async with stage() as there:
        told = await there.found(PUBLIC_URL=f"https://{there.here}")
        assert told["PUBLIC_URL"].verdict == "fail"
        assert "certificate" in told["PUBLIC_URL"].words


async def test_an_address_of_this_machine_is_not_one_for_twilio(monkeypatch):
    """It answers here, and nothing that people write will come."""

    async def unasked(*_):
        raise Transient("not asked")

    monkeypatch.setattr("gateway.whatsapp_doctor._account", unasked)
    async with stage() as there:
        finding = (await there.found(TWILIO_API_URL=""))["PUBLIC_URL"]
        assert finding.verdict == "warn"
        assert "only on this machine" in finding.words


async def test_the_doctor_looks_at_whatsapp_between_the_settings_and_the_models(tmp_path):
    """As at every platform."""
    async with stage() as there:
        asked = there.environ(DATABASE_URL=sqlite_url(tmp_path), PORT="0")
        told = [each.what async for each in findings(asked, tmp_path / ".env")]
        assert told[-3:] == ["TWILIO_AUTH_TOKEN", "PUBLIC_URL", "ANTHROPIC_API_KEY"]
