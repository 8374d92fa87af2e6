"""Bolt, as it is set up here."""

import os

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.bolt import bolt_app
from tests.adapters.slack_ingress.stage import Door, door


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Slack's variables, as an operator sets them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    values = {
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "shh",
        "SLACK_BOT_TOKEN": "xoxb-other",
        "SLACK_SIGNING_SECRET": "other",
        "SLACK_VERIFICATION_TOKEN": "v",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def test_bolt_takes_nothing_from_the_environment(environment, tmp_path):
    """No install flow, token or file of its own; the variables stay for the others."""
    house = Door()
    app = bolt_app(house.listeners(), house.house, client=AsyncWebClient())
    assert app.oauth_flow is None
    assert app.installation_store is None
    assert app.client.token is None
    assert {name: os.environ[name] for name in environment} == environment
    assert list(tmp_path.iterdir()) == []


async def test_nothing_of_the_environment_is_seen_later(environment):
    """Messages are taken as they are without it."""
    async with door() as house:
        assert (await house.say(house.dm())).status == 200
        assert len(house.taken.events) == 1


async def test_a_workspace_without_the_app_is_dropped():
    """200: sending it again would not help."""
    async with door() as house:
        house.house.gone = True
        assert (await house.say(house.dm())).status == 200
        assert house.taken.events == []


async def test_a_workspace_that_can_t_be_looked_up_is_asked_for_again():
    """503, also when the lookup hangs."""
    async with door() as house:
        house.house.down = True
        assert (await house.say(house.dm())).status == 503


async def test_a_lookup_that_hangs_is_given_up():
    """503 before Slack gives up by itself."""
    async with door(finding=0) as house:
        house.house.find = lambda **_: house.taken.accept(None)
        house.taken.hangs = True
        assert (await house.say(house.dm())).status == 503


async def test_no_request_calls_slack(monkeypatch):
    """The way in has no network in it."""

    async def call(*_, **__):
        pytest.fail("Slack was called")

    monkeypatch.setattr(AsyncWebClient, "_request", call)
    monkeypatch.setattr(AsyncWebClient, "_sync_request", call, raising=False)
    async with door() as house:
        for gone in (False, True):
            house.house.gone = gone
            for body in (house.dm(), house.acme.command("Hi"), *house.in_channel("<@UBOT> Hi")):
                assert (await house.say(body)).status == 200


async def test_what_nobody_foresaw_is_raised():
    """A fault of ours is not hidden: the server that asked sees it."""
    house = Door()
    house.taken.fault = ZeroDivisionError("ours")
    app = bolt_app(house.listeners(), house.house, client=AsyncWebClient())
    request = AsyncBoltRequest(mode="socket_mode", body=house.dm())
    with pytest.raises(ZeroDivisionError):
        await app.async_dispatch(request)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "shortcut", "callback_id": "x"},
        {"type": "view_submission", "view": {"callback_id": "x", "type": "modal"}},
        {"type": "block_suggestion", "action_id": "x"},
    ],
)
async def test_socket_mode_acknowledges_what_nobody_listens_to(body):
    """There the door does not stand before Bolt."""
    house = Door()
    app = bolt_app(house.listeners(), house.house, client=AsyncWebClient())
    answered = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    assert (answered.status, answered.body) == (200, "")


async def test_socket_mode_gets_a_command_s_answer():
    """As the acknowledgement's payload."""
    house = Door()
    app = bolt_app(house.listeners(), house.house, client=AsyncWebClient())
    form = house.acme.command("Hi")
    answered = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=form))
    assert (answered.status, '"ephemeral"' in answered.body) == (200, True)
