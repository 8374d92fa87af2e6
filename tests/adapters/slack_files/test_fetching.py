"""Files out of Slack, over real HTTP."""

import asyncio

import pytest

from adapters.slack.calls import WebApi
from adapters.slack.files import FileFetcher, attached
from adapters.slack.installations import Installation, OneWorkspace
from core.errors import Permanent, RateLimited, TooLarge, Transient
from core.facts import PlatformCalled
from tests.fakes.hands import HandClock
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.files import SIGN_IN, elsewhere

CAT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
MOST = 1_000_000


class House:
    """A fetcher between a fake Slack and a test; `told` is what was observed."""

    def __init__(self, slack, workspaces=None, *, url=None, **more):
        self.slack, self.acme, self.told = slack, slack.workspace(), []
        parts = {"base_url": url or slack.url, "clock": HandClock(), "observe": self.told.append}
        self.api = WebApi(workspaces or OneWorkspace("xoxb-1"), **parts)
        self.files = FileFetcher(self.api, **parts, **more)

    async def fetch(self, file, *, most=MOST, team="T1"):
        (found,) = attached({"files": [file]}, team=team, enterprise=None)
        try:
            return await self.files.fetch(found.source, most=most)
        finally:
            await self.api.close()

    @property
    def outcomes(self):
        return [(each.method, each.outcome) for each in self.told if type(each) is PlatformCalled]


@pytest.fixture
async def slack():
    async with FakeSlack() as running:
        yield running


async def test_a_file_is_got_with_the_bot_s_token(slack):
    """To the byte, also when there are exactly as many as may be."""
    house = House(slack)
    file = house.acme.file(CAT)
    assert await house.fetch(file, most=len(CAT)) == CAT
    assert [call.args for call in slack.calls] == [{"file": file["id"], "token": "xoxb-1"}]
    assert house.outcomes == [("file", "ok")]


async def test_a_file_has_one_of_two_addresses(slack):
    """Not every one can be downloaded under a name of its own."""
    house = House(slack)
    assert await house.fetch(house.acme.file(CAT, url_private_download=None)) == CAT


async def test_each_workspace_has_its_token(slack):
    """The one that the message was heard in."""

    class Both:
        async def find(self, *, team, **_):
            return Installation(app="A1", enterprise=None, team=team, token=f"xoxb-{team[1:]}")

    file = slack.workspace("T2").file(b"two")
    assert await House(slack, Both()).fetch(file, team="T2") == b"two"


def stale(file):
    """An address that comes with the advice to ask."""
    return file | {"file_access": "check_file_info", "url_private_download": "https://a.b/c"}


@pytest.mark.parametrize("hidden", [elsewhere, stale, lambda file: {"id": file["id"]}])
async def test_what_slack_does_not_tell_is_asked_for(slack, hidden):
    """Another workspace's file comes without an address."""
    house = House(slack)
    assert await house.fetch(hidden(house.acme.file(CAT))) == CAT
    assert house.outcomes == [("files.info", "ok"), ("file", "ok")]


@pytest.mark.parametrize(
    "more",
    [{"mode": "tombstone"}, {"mode": "hidden_by_limit"}, {"mode": "external"}, {"is_external": 1}],
)
async def test_what_is_not_slack_s_to_give_is_refused(slack, more):
    """Nobody is asked for it, unless Slack told of it only when asked."""
    house = House(slack)
    file = house.acme.file(CAT, **more)
    with pytest.raises(Permanent):
        await house.fetch(file)
    assert slack.calls == []
    with pytest.raises(Permanent):
        await house.fetch(elsewhere(file))
    assert [call.method for call in slack.calls] == ["files.info"]


async def test_no_other_host_sees_the_token(slack):
    """Not even when Slack itself names it."""
    house = House(slack)
    async with FakeSlack() as other:
        foreign = other.workspace().file(CAT)
        urls = {key: foreign[key] for key in ("url_private", "url_private_download")}
        for file in (foreign, elsewhere(house.acme.file(CAT, **urls))):
            with pytest.raises(Permanent):
                await house.fetch(file)
        assert other.calls == []
    assert not slack.called("file")


async def test_a_redirect_is_not_followed(slack):
    """Wherever it leads."""
    house = House(slack)
    file = house.acme.file(CAT)
    slack.answer("file", status=302, headers={"Location": file["url_private"]})
    with pytest.raises(Permanent):
        await house.fetch(file)
    assert len(slack.calls) == 1
    assert house.outcomes == [("file", "302")]


async def test_a_page_to_sign_in_is_no_file(slack):
    """That is how Slack answers a token without the scope; it is observed as such."""
    house = House(slack)
    scopes = tuple(set(house.acme.scopes) - {"files:read"})
    slack.workspace(scopes=scopes)
    with pytest.raises(Permanent):
        await house.fetch(house.acme.file(CAT))
    assert house.outcomes == [("file", "html")]


async def test_a_page_that_was_sent_is_one(slack):
    """People send HTML too."""
    house = House(slack)
    page = house.acme.file(SIGN_IN.encode(), name="a.html", kind="text/html")
    assert await house.fetch(page) == SIGN_IN.encode()


@pytest.mark.parametrize("hidden", [dict, elsewhere])
async def test_what_is_told_to_be_too_large_is_not_asked_for(slack, hidden):
    """Its size is known beforehand."""
    house = House(slack)
    with pytest.raises(TooLarge):
        await house.fetch(hidden(house.acme.file(CAT)), most=len(CAT) - 1)
    assert not slack.called("file")


@pytest.mark.parametrize(("chunked", "why"), [(False, "header"), (True, "goes on")])
async def test_what_turns_out_to_be_too_large_is_left(slack, chunked, why):
    """Whether its header tells, or only its end would."""
    house = House(slack)
    file = house.acme.file(CAT, size=1, chunked=chunked)
    with pytest.raises(TooLarge, match=why):
        await house.fetch(file, most=len(CAT) - 1)
    assert house.outcomes == [("file", "toolarge")]


async def test_nothing_is_unpacked(slack):
    """A few bytes may unpack to more than there is room for."""
    house = House(slack)
    slack.answer(
        "file", body="as it is", headers={"Content-Encoding": "gzip", "Content-Type": "a/b"}
    )
    assert await house.fetch(house.acme.file(CAT)) == b"as it is"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, Permanent) for status in (204, 401, 403, 404, 410)),
        *((status, Transient) for status in (500, 503)),
    ],
)
async def test_a_status_says_whether_to_ask_again(slack, status, error):
    """And neither the token nor the address is in the error."""
    house = House(slack)
    file = house.acme.file(CAT)
    slack.answer("file", status=status)
    with pytest.raises(error) as raised:
        await house.fetch(file)
    assert house.outcomes == [("file", str(status) if error is Permanent else "unsure")]
    shown = f"{raised.value!r} {raised.value.__cause__!r}"
    assert not [secret for secret in ("xoxb", file["id"]) if secret in shown]


async def test_a_limit_says_how_long(slack):
    """As Slack's header does."""
    house = House(slack)
    slack.answer("file", status=429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimited) as limited:
        await house.fetch(house.acme.file(CAT))
    assert limited.value.retry_after == 7


async def test_a_connection_that_breaks_is_worth_another_try(slack):
    """It may hold the next time."""
    house = House(slack)
    file = house.acme.file(CAT)
    slack.drop("file", times=2)  # a GET that nobody answered is sent twice by aiohttp
    with pytest.raises(Transient):
        await house.fetch(file)
    assert await house.fetch(file) == CAT


@pytest.mark.parametrize("begun", [False, True])
async def test_a_file_that_does_not_come_is_worth_another_try(slack, begun):
    """All of it has some seconds, and half a file is none."""
    if begun:
        half = {"Content-Length": "9", "Content-Type": "image/png"}
        slack.answer("file", body="half", headers=half)
    else:
        slack.hang("file")
    house = House(slack, within=0.05)
    with pytest.raises(Transient):
        async with asyncio.timeout(2):
            await house.fetch(house.acme.file(CAT))
    assert house.outcomes == [("file", "unsure")]


@pytest.mark.parametrize("error", ["missing_scope", "invalid_auth", "file_not_found"])
async def test_who_may_not_ask_is_told_at_once(slack, error):
    """A person should not wait until an operator has mended the token."""
    house = House(slack)
    slack.fail("files.info", error)
    with pytest.raises(Permanent):
        await house.fetch(elsewhere(house.acme.file(CAT)))


@pytest.mark.parametrize("source", [{}, {"file": 7}, {"team": 1, "file": {"id": []}}])
async def test_a_source_that_is_none_is_refused(slack, source):
    """Whatever was stored, it ends."""
    house = House(slack)
    with pytest.raises(Permanent):
        await house.files.fetch(source, most=MOST)
    await house.api.close()
