"""What the doctor finds of Slack."""

import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import ClientConnectorDNSError, web

from adapters.slack.manifest import SCOPES
from adapters.slack.sealing import new_key, read_keys
from core.installations import Installation, Place, save
from gateway.config import load
from gateway.doctor import findings
from gateway.slack_doctor import slack
from gateway.slack_installs_doctor import sealed, workspaces
from tests.databases import migrated, sqlite_url

BOT, APP, SIGNING = "xoxb-hush-4711", "xapp-hush-4711", "0123456789abcdef" * 2
KEY = "aHVzaC00NzExLWh1c2gtNDcxMS1odXNoLTQ3MTEtMTI="
OLD = new_key()
ACME = {"ok": True, "team": "Acme", "team_id": "T1", "user": "ada", "url": "https://acme.example"}
OPENED = {"ok": True, "url": "wss://example.org/?ticket=hush-4711"}
ALL = ",".join(SCOPES)
MANY = {
    "SLACK_BOT_TOKEN": "",
    "SLACK_CLIENT_ID": "11.22",
    "SLACK_CLIENT_SECRET": "hush-4711",
    "ENCRYPTION_KEY": KEY,
}


@dataclass
class Stage:
    """Slack's Web API, and a gateway that Slack reaches, on one server."""

    port: int = 0
    answers: dict[str, Any] = field(default_factory=dict)  # by method; a response is sent as it is
    scopes: str | None = ALL
    signing: str = SIGNING  # of the gateway
    gateway: web.Response | None = None  # what it answers instead
    asked: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)

    async def api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        form = dict(await request.post())
        self.asked.append((method, request.headers.get("Authorization"), form))
        answer = self.answers[method]
        if isinstance(answer, web.StreamResponse):
            return answer
        headers = {} if self.scopes is None else {"x-oauth-scopes": self.scopes}
        return web.json_response(answer, headers=headers)

    async def events(self, request: web.Request) -> web.StreamResponse:
        if self.gateway is not None:
            return self.gateway
        body = await request.read()
        at = request.headers["X-Slack-Request-Timestamp"]
        signed = b"v0:" + at.encode() + b":" + body
        digest = hmac.new(self.signing.encode(), signed, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(at)) < 300
        if not fresh or request.headers["X-Slack-Signature"] != f"v0={digest}":
            return web.Response(status=401)
        told = json.loads(body)
        assert told["type"] == "url_verification"
        return web.json_response({"challenge": told["challenge"]})

    def told(self, **environ):
        """Settings of a gateway for one workspace over HTTP, with changes."""
        here = f"http://127.0.0.1:{self.port}"
        usual = {
            "SLACK_BOT_TOKEN": BOT,
            "SLACK_SIGNING_SECRET": SIGNING,
            "PUBLIC_URL": f"{here}/bot",
            "SLACK_API_URL": f"{here}/api",
        }
        return {variable: value for variable, value in (usual | environ).items() if value}

    async def found(self, *, stored=False, **environ):
        """Each finding by its name. No secret is in any of them."""
        settings = load(self.told(**environ), None)
        told = {each.what: each async for each in slack(settings, stored=stored)}
        assert "4711" not in str(told)
        assert SIGNING not in str(told)
        return told


@asynccontextmanager
async def stage():
    made = Stage(
        answers={
            "auth.test": ACME,
            "apps.connections.open": OPENED,
            "oauth.v2.access": {"ok": False, "error": "invalid_code"},
        }
    )
    app = web.Application()
    app.router.add_post("/api/{method}", made.api)
    app.router.add_post("/bot/slack/events", made.events)
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


async def test_without_slack_there_is_nothing_to_say():
    """And nobody is asked."""
    settings = load({"PUBLIC_URL": "http://127.0.0.1:9", "ENCRYPTION_KEY": KEY}, None)
    assert [each async for each in slack(settings, stored=True)] == []


async def test_one_workspace_over_http():
    """The token's workspace and bot, its scopes, and that events arrive."""
    async with stage() as there:
        told = await there.found()
        assert set(verdicts(told).values()) == {"ok"}
        assert list(told) == [
            *("SLACK_BOT_TOKEN", "Slack's scopes", "SLACK_SIGNING_SECRET", "PUBLIC_URL")
        ]
        assert told["SLACK_BOT_TOKEN"].words == "@ada in Acme (T1)"
        assert there.asked == [("auth.test", f"Bearer {BOT}", {})]


async def test_socket_mode_needs_no_address():
    """Its own token is tried instead, and no event is sent anywhere."""
    async with stage() as there:
        there.gateway = web.Response(status=500)
        told = await there.found(SLACK_APP_TOKEN=APP, SLACK_SIGNING_SECRET="")
        assert verdicts(told) == {
            "SLACK_BOT_TOKEN": "ok",
            "Slack's scopes": "ok",
            "SLACK_APP_TOKEN": "ok",
        }
        assert there.asked[-1] == ("apps.connections.open", f"Bearer {APP}", {})


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        ("invalid_auth", "fail", "copy it anew"),
        ("account_inactive", "fail", "install it again"),
        ("token_revoked", "fail", "install the app again"),
        ("token_expired", "fail", "gateway slack manifest"),
        ("something_new", "fail", "something_new"),
        ("ratelimited", "warn", "in a minute"),
        ("<b>4711</b>", "fail", "no reason given"),
        (None, "fail", "no reason given"),
    ],
)
async def test_a_token_that_slack_refuses(error, verdict, words):
    """Why, and what to do about it; the scopes are not looked at."""
    async with stage() as there:
        there.answers["auth.test"] = {"ok": False, "error": error}
        told = await there.found()
        finding = told["SLACK_BOT_TOKEN"]
        assert finding.verdict == verdict
        assert words in finding.words
        assert "Slack's scopes" not in told


@pytest.mark.parametrize(
    ("lacking", "verdict"),
    [("users:read", "warn"), ("files:read", "warn"), ("chat:write", "fail"), (None, None)],
)
async def test_a_scope_that_is_missing_is_named(lacking, verdict):
    """Without chat:write nothing is answered. Where Slack tells no scopes, none are missed."""
    async with stage() as there:
        there.scopes = lacking and ", ".join(each for each in SCOPES if each != lacking)
        told = await there.found()
        if lacking is None:
            assert "Slack's scopes" not in told
            return
        finding = told["Slack's scopes"]
        assert finding.verdict == verdict
        assert f"lacks {lacking}:" in finding.words
        assert "install the app again" in finding.words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("invalid_auth", "connections:write"),
        ("missing_scope", "lacks its scope"),
        ("not_allowed", "Socket Mode is on"),
    ],
)
async def test_an_app_token_that_slack_refuses(error, words):
    """Says how to make another."""
    async with stage() as there:
        there.answers["apps.connections.open"] = {"ok": False, "error": error}
        finding = (await there.found(SLACK_APP_TOKEN=APP))["SLACK_APP_TOKEN"]
        assert finding.verdict == "fail"
        assert words in finding.words


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>", "content_type": "text/html"},
        {"status": 502},
        {"text": "[" * 5000},
        {"text": "[]"},
        {"body": b"\xff" * 100_000},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
    ],
)
async def test_a_server_that_is_not_slack(answer):
    """The address is to be looked at, not the token."""
    async with stage() as there:
        there.answers["auth.test"] = web.Response(**answer)
        told = await there.found()
        assert "SLACK_BOT_TOKEN" not in told
        assert told["SLACK_API_URL"].verdict == "fail"
        assert "not in Slack's words" in told["SLACK_API_URL"].words


async def test_slack_that_is_out_of_reach_is_said_once():
    """Whatever there was to ask of it."""
    async with stage() as there:
        told = await there.found(SLACK_API_URL="http://127.0.0.1:9/", SLACK_APP_TOKEN=APP)
        assert verdicts(told) == {"SLACK_API_URL": "fail", "SLACK_SIGNING_SECRET": "ok"}
        assert "ClientConnectorError" in told["SLACK_API_URL"].words


async def test_the_newer_of_two_signing_secrets_has_to_be_the_gateways():
    """Slack signs with it as soon as it is changed."""
    async with stage() as there:
        both = f"{SIGNING},{SIGNING[::-1]}"
        assert (await there.found(SLACK_SIGNING_SECRET=both))["PUBLIC_URL"].verdict == "ok"
        there.signing = SIGNING[::-1]
        finding = (await there.found(SLACK_SIGNING_SECRET=both))["PUBLIC_URL"]
        assert finding.verdict == "fail"
        assert "another SLACK_SIGNING_SECRET" in finding.words


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        ({"status": 404}, "fail", "check the path"),
        ({"status": 502}, "warn", "start the gateway"),
        ({"status": 301, "headers": {"Location": "/4711"}}, "fail", "leads elsewhere"),
        ({"status": 403}, "fail", "HTTP 403"),
        ({"text": "welcome"}, "fail", "not this gateway"),
    ],
)
async def test_an_address_with_no_gateway_behind_it(answer, verdict, words):
    """What came back tells what to mend."""
    async with stage() as there:
        there.gateway = web.Response(**answer)
        finding = (await there.found())["PUBLIC_URL"]
        assert finding.verdict == verdict
        assert words in finding.words


async def test_an_address_that_nobody_answers_at():
    """The gateway may not be started yet, so it is no fault; nor is it one that there is none."""
    async with stage() as there:
        finding = (await there.found(PUBLIC_URL="http://127.0.0.1:9"))["PUBLIC_URL"]
        assert (finding.verdict, "start the gateway" in finding.words) == ("warn", True)
        finding = (await there.found(PUBLIC_URL=""))["PUBLIC_URL"]
        assert (finding.verdict, "not set" in finding.words) == ("warn", True)


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

    monkeypatch.setattr("gateway.slack_doctor.shake_hands", fail)
    async with stage() as there:
        finding = (await there.found())["PUBLIC_URL"]
    assert finding.verdict == verdict
    assert words in finding.words


async def test_an_address_without_good_https():
    """Slack looks at the certificate."""
    async with stage() as there:
        told = await there.found(PUBLIC_URL=f"https://127.0.0.1:{there.port}")
        assert told["PUBLIC_URL"].verdict == "fail"
        assert "certificate" in told["PUBLIC_URL"].words


async def test_an_address_of_this_machine_is_not_one_for_slack(monkeypatch):
    """It answers here, and events won't come."""
    async with stage() as there:
        monkeypatch.setattr("gateway.slack_doctor._tokens", nothing)
        told = await there.found(SLACK_API_URL="")
        assert told["PUBLIC_URL"].verdict == "warn"
        assert "only on this machine" in told["PUBLIC_URL"].words


async def nothing(*_):
    """No findings."""
    for each in ():
        yield each


async def test_a_signing_secret_of_another_kind_is_a_warning():
    """Such as a client secret, or one that lost a sign."""
    async with stage() as there:
        there.signing = SIGNING[:-1]
        told = await there.found(SLACK_SIGNING_SECRET=SIGNING[:-1])
        assert told["SLACK_SIGNING_SECRET"].verdict == "warn"


@pytest.mark.parametrize(
    ("error", "what", "verdict"),
    [
        ("invalid_code", "SLACK_CLIENT_ID", "ok"),
        ("invalid_client_id", "SLACK_CLIENT_ID", "fail"),
        ("bad_client_secret", "SLACK_CLIENT_SECRET", "fail"),
    ],
)
async def test_the_apps_credentials_are_tried(error, what, verdict):
    """With a code that nobody was given, so that nothing comes of it."""
    async with stage() as there:
        there.answers["oauth.v2.access"] = {"ok": False, "error": error}
        told = await there.found(**MANY)
        assert told[what].verdict == verdict
        [(method, bearer, form)] = there.asked
        assert (method, bearer) == ("oauth.v2.access", None)
        assert form["client_id"] == "11.22"


def installed(team, key):
    """An install whose token was sealed with the key."""
    place = Place(platform="slack", app="A1", enterprise="", account=team)
    return Installation(
        id=1,
        place=place,
        name="Acme",
        details={},
        sealed=read_keys(key).seal(b"{}", place),
        version=1,
        expires_at=None,
    )


@pytest.mark.parametrize(
    ("keys", "verdict", "words"),
    [
        ([], "ok", "no workspace has installed the app yet: that is done at the page"),
        ([KEY], "ok", "1 workspace, whose tokens it opens"),
        ([KEY, OLD], "ok", "2 workspaces, whose tokens it opens; 1 with the old key"),
        ([KEY, new_key()], "fail", "does not open the tokens of 1 of 2 workspaces"),
    ],
)
def test_workspaces_tokens_are_opened(keys, verdict, words):
    """With the new key or the old one; what neither opens is counted."""
    found = [installed(f"T{number}", key) for number, key in enumerate(keys)]
    finding = sealed(found, read_keys(f"{KEY},{OLD}"), page="the page")
    assert (finding.what, finding.verdict) == ("ENCRYPTION_KEY", verdict)
    assert finding.words.startswith(words)


def test_a_token_that_was_moved_to_another_workspace_does_not_open():
    """Somebody wrote into the database."""
    ours, theirs = installed("T1", KEY), installed("T2", KEY)
    finding = sealed([replace(ours, sealed=theirs.sealed)], read_keys(KEY), page="")
    assert finding.verdict == "fail"


async def test_the_workspaces_are_those_in_the_database(tmp_path):
    """Unless a running gateway has it for itself."""
    url = sqlite_url(tmp_path)
    settings = load(
        {
            **MANY,
            "SLACK_SIGNING_SECRET": SIGNING,
            "PUBLIC_URL": "https://chat.example",
            "DATABASE_URL": url,
        },
        None,
    )
    async with migrated(url) as database:
        ours = installed("T1", KEY)
        await database.write(
            save, ours.place, name="Acme", details={}, sealed=ours.sealed, expires_at=None, now=0
        )
        running = await workspaces(settings)
    assert (running.verdict, "running gateway" in running.words) == ("ok", True)
    assert (await workspaces(settings)).words == "1 workspace, whose tokens it opens"


async def test_the_doctor_looks_at_slack_between_the_settings_and_the_models(tmp_path):
    """At the workspaces only if there is a database."""
    async with stage() as there:
        url = sqlite_url(tmp_path)
        asked = there.told(**MANY, DATABASE_URL=url, PORT="0")
        told = [each.what async for each in findings(asked, tmp_path / ".env")]
        assert told[-4:] == [
            *("SLACK_CLIENT_ID", "SLACK_SIGNING_SECRET", "PUBLIC_URL", "ANTHROPIC_API_KEY")
        ]
        async with migrated(url):
            pass
        told = [each.what async for each in findings(asked, tmp_path / ".env")]
        assert told[-3:] == ["PUBLIC_URL", "ENCRYPTION_KEY", "ANTHROPIC_API_KEY"]
