"""Somebody installs the app with a browser, and all that can go wrong with that."""

import re
from contextlib import asynccontextmanager
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from adapters.slack.exchange import Credentials
from adapters.slack.install import Install, States
from core import installations as stored
from core.database import DatabaseDown
from tests.adapters.slack_installs.stage import CREDENTIALS, rows, token

PUBLIC = "https://chat.example/bot"
REDIRECT = f"{PUBLIC}/slack/oauth_redirect"
SCOPES = ("chat:write", "im:history")


class Browser:
    """Keeps the cookie that it was given, as over HTTPS, and follows no link by itself."""

    def __init__(self, http):
        self._http = http
        self.cookie = None

    async def get(self, path, **query):
        """A page: its response, with the text read."""
        headers = {"Cookie": f"a=b; {self.cookie}"} if self.cookie else {}
        answer = await self._http.get(path, params=query, headers=headers)
        answer.words = await answer.text()
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return answer

    async def begin(self, **query):
        """Press the button; what Slack is asked then, by name."""
        page = await self.get("/slack/install", **query)
        link = unescape(re.search(r'href="([^"]+)"', page.words)[1])
        asked = {name: value for name, [value] in parse_qs(urlsplit(link).query).items()}
        return {"url": link.partition("?")[0], **asked}

    async def end(self, **query):
        """Come back from Slack."""
        return await self.get("/slack/oauth_redirect", **query)


def install(fake_client, installed, clock, **changes):
    told = {"credentials": CREDENTIALS, "scopes": SCOPES, "public_url": PUBLIC} | changes
    return Install(**told, client=fake_client, installed=installed, clock=clock)


@asynccontextmanager
async def browser_of(made):
    app = web.Application()
    app.add_routes(made.routes())
    async with TestClient(TestServer(app)) as http:
        yield Browser(http)


@pytest_asyncio.fixture
async def browser(client, installed, clock):
    async with browser_of(install(client, installed, clock)) as made:
        yield made


@pytest.fixture
def logs(caplog):
    """Everything that was logged, by whatever means, as one text."""
    with capture_logs() as events:
        yield lambda: caplog.text + repr(events)


def is_a_safe_page(answer):
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.words.lower()
    return True


async def test_the_button_leads_to_slack(browser, fake):
    """To the page that belongs to the API, with what the app asks for and where to come back."""
    asked = await browser.begin()
    state = asked.pop("state")
    assert asked == {
        "url": f"{fake.host}/oauth/v2/authorize",
        "client_id": "1.2",
        "scope": "chat:write,im:history",
        "redirect_uri": REDIRECT,
    }
    assert browser.cookie == f"__Host-slack-install={state}"


async def test_the_state_is_one_browsers_own(browser):
    """Two that begin in the same second do not get the same."""
    states = {(await browser.begin())["state"] for _ in range(20)}
    assert len(states) == 20


async def test_the_cookie_stays_with_us(browser):
    """No script reads it, no other site sends it along but by a link, and it ends soon."""
    answer = await browser.get("/slack/install")
    attributes = set(answer.headers["Set-Cookie"].split("; ")[1:])
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"} <= attributes
    assert is_a_safe_page(answer)


@pytest.mark.parametrize(
    ("team", "shown"),
    [("T024", "T024"), ("", None), ("T1&scope=admin", None), ('T1"><b>', None), ("ü" * 99, None)],
)
async def test_only_a_workspaces_id_is_handed_on(browser, team, shown):
    """Nobody changes what Slack is asked by a link to the page."""
    asked = await browser.begin(team=team)
    assert asked.get("team") == shown
    assert asked["scope"] == "chat:write,im:history"


async def test_an_install_is_stored_and_serves(browser, fake, installed, database, logs):
    """With the bot's ids and scopes; the page opens Slack, and no secret is logged or shown."""
    state = (await browser.begin())["state"]
    code = fake.code(fake.workspace(), redirect_uri=REDIRECT)
    answer = await browser.end(code=code, state=state)
    assert answer.status == 200
    assert is_a_safe_page(answer)
    assert "slack://app?team=T1&id=A1" in unescape(answer.words)
    assert browser.cookie == "__Host-slack-install=deleted"
    found = await installed.find(enterprise=None, team="T1", org_wide=False)
    assert fake.grants.tokens[found.token].workspace.team == "T1"
    assert (found.app, found.bot_user, found.bot_id, found.name) == ("A1", "UBOT", "BBOT", "Acme")
    assert found.scopes == fake.workspace().scopes
    for secret in (found.token, code, state, "shh"):
        assert secret not in logs()
        assert secret not in answer.words
    [row] = await rows(database)
    assert (row.expires_at, row.revoked_at) == (None, None)


async def test_tokens_that_end_are_stored_with_their_end(browser, fake, clock, database):
    """By the time at which they were asked for."""
    state = (await browser.begin())["state"]
    await browser.end(code=fake.code(fake.workspace(), rotates=True), state=state)
    [row] = await rows(database)
    assert row.expires_at == int((clock.now() + 43_200) * 1000)


async def test_an_org_wide_install_is_stored_as_one(browser, fake, installed):
    """And its page opens the enterprise."""
    grid = fake.workspace("T7", token="", enterprise="E7")
    state = (await browser.begin())["state"]
    answer = await browser.end(code=fake.code(grid, org_wide=True), state=state)
    assert "slack://app?team=E7&id=A1" in unescape(answer.words)
    found = await installed.find(enterprise="E7", team="T8", org_wide=False)
    assert (found.enterprise, found.team) == ("E7", None)


async def test_installing_again_takes_the_new_token(browser, fake, installed):
    """At once."""
    tokens = []
    for _ in range(2):
        state = (await browser.begin())["state"]
        await browser.end(code=fake.code(fake.workspace()), state=state)
        tokens.append(await token(installed))
    assert tokens[0] != tokens[1]
    assert tokens[1] in fake.grants.tokens


async def test_a_workspaces_name_is_not_html(browser, fake):
    """Whoever names it so."""
    team = fake.workspace("T9", name="<img src=x>&\x00")
    state = (await browser.begin())["state"]
    answer = await browser.end(code=fake.code(team), state=state)
    assert "&lt;img src=x&gt;&amp;" in answer.words
    assert "<img" not in answer.words


async def test_a_bot_that_slack_will_not_tell_of_is_installed_all_the_same(
    browser, fake, installed
):
    """The code is spent: a hiccup in the question after it must not cost the install."""
    fake.answer("auth.test", status=503, body="<html>")
    state = (await browser.begin())["state"]
    assert (await browser.end(code=fake.code(fake.workspace()), state=state)).status == 200
    found = await installed.find(enterprise=None, team="T1", org_wide=False)
    assert (found.bot_user, found.bot_id) == ("UBOT", None)


@pytest.mark.parametrize("error", ["access_denied", "", "<script>alert(1)</script>", "ü" * 900])
async def test_who_does_not_agree_is_told_that_nothing_happened(browser, fake, logs, error):
    """Whatever the reason is called."""
    await browser.begin()
    answer = await browser.end(error=error, state="x")
    assert answer.status == 200
    assert is_a_safe_page(answer)
    assert "Nothing was installed" in answer.words
    assert error == "access_denied" or not error or error not in answer.words + logs()
    assert fake.calls == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"code": "c"}, 400),
        ({}, 400),
        ({"code": "c", "state": "made-up"}, 400),
        ({"code": "c", "state": ""}, 400),
        ({"code": "c", "state": "ü\x00\n"}, 400),
        ({"state": "OWN"}, 401),
        ({"state": "OWN", "code": ""}, 401),
        ({"state": "OWN", "code": "c" * 2000}, 401),
        ({"state": "OWN", "code": "ü"}, 401),
        ({"state": "OWN", "code": "a\r\nb"}, 401),
    ],
)
async def test_what_does_not_belong_together_is_refused(browser, fake, query, status):
    """A clear page, and Slack is not asked."""
    state = (await browser.begin())["state"]
    given = {name: state if value == "OWN" else value for name, value in query.items()}
    answer = await browser.end(**given)
    assert answer.status == status
    assert is_a_safe_page(answer)
    assert f'href="{PUBLIC}/slack/install"' in answer.words
    assert fake.calls == []


@pytest.mark.parametrize(
    "cookie", [None, "__Host-slack-install=another", "other=x", "=;;=", "ü=\udcff"]
)
async def test_another_browser_does_not_finish_an_install(browser, fake, cookie):
    """Nobody is made to finish what somebody else began."""
    state = (await browser.begin())["state"]
    browser.cookie = cookie
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 400
    assert fake.calls == []


@pytest.mark.parametrize(
    "state", ["x", "x.y.z", "x.y.z.w", "..", ".." * 400, "ü.ü.ü.ü", "x.e30.e30.e30"]
)
async def test_a_state_that_we_did_not_give_counts_for_nothing(browser, fake, state):
    """Not even with a cookie that fits."""
    browser.cookie = f"__Host-slack-install={state}"
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status in {400, 401}
    assert is_a_safe_page(answer)
    assert fake.calls == []


async def test_a_state_is_one_browsers_alone(browser, fake):
    """Its random part is signed too, or anybody could make one of somebody else's."""
    state = (await browser.begin())["state"]
    forged = "mine." + state.partition(".")[2]
    browser.cookie = f"__Host-slack-install={forged}"
    answer = await browser.end(code=fake.code(fake.workspace()), state=forged)
    assert answer.status in {400, 401}
    assert fake.calls == []


async def test_an_install_that_took_too_long_is_over(client, fake, installed, clock):
    """And is begun again."""
    made = install(client, installed, clock, states=States("secret", seconds=-1))
    async with browser_of(made) as browser:
        state = (await browser.begin())["state"]
        answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 401
    assert "too long" in answer.words
    assert fake.calls == []


async def test_another_gateways_state_counts_for_nothing(client, fake, installed, clock):
    """The client's secret signs it."""
    other = install(
        client, installed, clock, credentials=Credentials(client_id="1.2", client_secret="x")
    )
    async with browser_of(other) as browser:
        state = (await browser.begin())["state"]
    async with browser_of(install(client, installed, clock)) as browser:
        browser.cookie = f"__Host-slack-install={state}"
        assert (await browser.end(code="c", state=state)).status == 401
    assert fake.calls == []


async def test_a_code_is_good_once(browser, fake, installed):
    """The second time nothing is installed, and nothing is lost."""
    state = (await browser.begin())["state"]
    code, cookie = fake.code(fake.workspace()), browser.cookie
    assert (await browser.end(code=code, state=state)).status == 200
    before = await token(installed)
    browser.cookie = cookie
    answer = await browser.end(code=code, state=state)
    assert answer.status == 401
    assert await token(installed) == before


BROKEN = [
    *({"status": 503, "body": "<html>"}, {"status": 200, "body": "<html>"}),
    {"status": 200, "body": "ok", "headers": {"Content-Type": "text/plain"}},
    *({"body": body, "headers": {"Content-Type": "application/json"}} for body in ("[1]", "{", "")),
    {"body": "[" * 9000, "headers": {"Content-Type": "application/json"}},
    {"body": "{}", "headers": {"Content-Type": "application/json; charset=utf-7"}},
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_slack_that_talks_nonsense_is_out_of_reach(browser, fake, database, broken):
    """502 and a clear page, whatever it is; nothing is stored."""
    state = (await browser.begin())["state"]
    fake.answer("oauth.v2.access", **broken)
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 502
    assert is_a_safe_page(answer)
    assert await rows(database) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": 7},
        {"access_token": "a b\n"},
        {"app_id": None},
        {"app_id": "../x"},
        {"team": None},
        {"team": {"id": 7}},
        {"team": [], "is_enterprise_install": True},
        {"refresh_token": "xoxe-refresh", "expires_in": "soon"},
        {"refresh_token": "xoxe-refresh", "expires_in": True},
        {"refresh_token": 7, "expires_in": 60},
    ],
)
async def test_an_answer_that_lacks_something_installs_nothing(browser, fake, database, changes):
    """Also of a kind that it should not have."""
    good = {"ok": True, "app_id": "A1", "team": {"id": "T1"}, "access_token": "xoxb-a-token"}
    state = (await browser.begin())["state"]
    body = web.json_response(good | changes).text
    fake.answer("oauth.v2.access", body=body, headers={"Content-Type": "application/json"})
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 502
    assert await rows(database) == []


@pytest.mark.parametrize("fault", ["dropped", "limited", "away"])
async def test_slack_that_is_down_is_told_as_such(browser, fake, client, logs, fault):
    """502: begin again in a minute. No code is logged."""
    state = (await browser.begin())["state"]
    code = fake.code(fake.workspace())
    if fault == "dropped":
        fake.drop("oauth.v2.access")
    elif fault == "limited":
        fake.fail("oauth.v2.access")
    else:
        client.base_url = "http://127.0.0.1:1/api/"
    answer = await browser.end(code=code, state=state)
    assert answer.status == 502
    assert "Slack did not answer" in answer.words
    assert code not in logs()


@pytest.mark.parametrize("error", ["bad_client_secret", "bad_redirect_uri", "invalid_client_id"])
async def test_an_app_that_is_set_up_wrongly_is_the_operators(browser, fake, logs, error):
    """The log says what it is; the person is not to blame."""
    state = (await browser.begin())["state"]
    fake.fail("oauth.v2.access", error)
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 502
    assert error in logs()


async def test_an_install_that_cannot_be_stored_is_told_as_such(browser, fake, installed):
    """The database is away."""
    installed._database.meet(stored.save, DatabaseDown("gone"))
    state = (await browser.begin())["state"]
    answer = await browser.end(code=fake.code(fake.workspace()), state=state)
    assert answer.status == 502
    assert "could not be stored" in answer.words
    assert is_a_safe_page(answer)


@pytest.mark.parametrize("path", ["/slack/install", "/slack/oauth_redirect"])
@pytest.mark.parametrize("query", ["%FF%FE=%00", "code=a&code=b&state=c", "a" * 5000, "=&&=;"])
async def test_no_query_breaks_a_page(client, installed, clock, path, query):
    """Whatever stands in an address, there is an answer."""
    app = web.Application()
    app.add_routes(install(client, installed, clock).routes())
    asked = f"{path}?{quote(query, safe='%=&;')}"
    async with TestClient(TestServer(app)) as http, http.get(asked) as answer:
        assert answer.status in {200, 400, 401}
        answer.words = await answer.text()
        assert is_a_safe_page(answer)


async def test_the_environment_changes_nothing(client, installed, clock, fake, monkeypatch):
    """Bolt would read variables of the same names."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SCOPES", "USER_SCOPES", "REDIRECT_URI"):
        monkeypatch.setenv(f"SLACK_{name}", "elsewhere")
    async with browser_of(install(client, installed, clock)) as browser:
        asked = await browser.begin()
        assert "elsewhere" not in repr(asked)
        answer = await browser.end(code=fake.code(fake.workspace()), state=asked["state"])
    assert answer.status == 200
