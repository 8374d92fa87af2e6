"""What Slack answers becomes what to do next, and nothing secret is in it."""

import asyncio

import pytest

from adapters.slack.calls import NotInstalled, Refused, Unreachable, Unsure, WebApi
from adapters.slack.installations import OneWorkspace
from core.errors import RateLimited
from tests.fakes.hands import HandClock
from tests.fakes.slack import FakeSlack


class Nowhere:
    async def find(self, **_):
        return None


@pytest.fixture
async def slack():
    async with FakeSlack() as fake:
        yield fake


def api_of(url, workspaces=None, told=None):
    return WebApi(
        workspaces or OneWorkspace("xoxb-1"),
        base_url=url,
        clock=HandClock(),
        observe=[].append if told is None else told.append,
    )


async def each(api, *methods):
    for method in methods:
        await api.call("T1", method, user="U1")


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda fake: fake.fail("users.info", error="user_not_found"), Refused),
        (lambda fake: fake.fail("users.info", error="ratelimited", retry_after=7), RateLimited),
        (lambda fake: fake.fail("users.info", error="fatal_error"), Unsure),
        (lambda fake: fake.answer("users.info", status=503, body="<html>"), Unsure),
        (lambda fake: fake.answer("users.info", status=200, body="<html>"), Unsure),
        (lambda fake: fake.answer("users.info", status=200, body="[" * 100_000), Unsure),
        (lambda fake: fake.drop("chat.delete", processed=True), Unsure),
    ],
    ids=["refused", "limited", "broken", "html 503", "html", "deep", "dropped"],
)
async def test_each_kind_of_trouble_has_its_name(slack, arrange, error):
    """And the token is in none of them."""
    arrange(slack)
    api = api_of(slack.url)
    with pytest.raises(error) as raised:
        await each(api, "users.info", "chat.delete")
    await api.close()
    assert "xoxb" not in f"{raised.value!r} {raised.value.__cause__!r}"


async def test_a_limit_says_how_long(slack):
    """As Slack's header does."""
    slack.fail("chat.update", error="ratelimited", retry_after=7)
    api = api_of(slack.url)
    with pytest.raises(RateLimited) as limited:
        await api.call("T1", "chat.update", channel="D1", ts="1.2", text="x")
    await api.close()
    assert limited.value.retry_after == 7


async def test_who_can_not_be_reached_did_nothing():
    """A refused connection is no doubt."""
    api = api_of("http://127.0.0.1:9/api/")
    with pytest.raises(Unreachable):
        await api.call("T1", "auth.test")
    await api.close()


async def test_a_workspace_without_the_app_is_not_called(slack):
    """There is nothing to call with."""
    api = api_of(slack.url, Nowhere())
    with pytest.raises(NotInstalled):
        await api.call("T1", "auth.test")
    await api.close()
    assert not slack.calls


async def test_every_call_is_told_of_once(slack):
    """With Slack's word for how it went."""
    told = []
    api = api_of(slack.url, told=told)
    await api.call("T1", "auth.test")
    slack.fail("users.info", error="user_not_found")
    with pytest.raises(Refused):
        await api.call("T1", "users.info", user="U1")
    await api.close()
    outcomes = [(fact.method, fact.outcome) for fact in told]
    assert outcomes == [("auth.test", "ok"), ("users.info", "user_not_found")]


async def test_who_the_bot_is_is_asked_once(slack):
    """It does not change."""
    api = api_of(slack.url)
    who = await asyncio.gather(*(api.who("T1") for _ in range(2)))
    assert await api.who("T1") == who[0] == ("UBOT", "BBOT")
    await api.close()
    assert len(slack.called("auth.test")) <= 2
