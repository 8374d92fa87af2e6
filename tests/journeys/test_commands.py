"""Every command on every platform, over real HTTP, in the language of whoever gives it."""

import re

import pytest

from tests.fakes.anthropic import Answer, Hold
from tests.journeys.everywhere import everywhere
from tests.journeys.house import until

PLATFORMS = ("whatsapp", "slack", "slash", "native", "socket")
SIGN = {"slash": ""}  # the command itself is the sign
OTHERS = {"whatsapp": {"person": "whatsapp:+1555000{:04}"}, "slack": {"user": "U1{}"}}
REPLIES = {
    "help": "starts this conversation afresh",
    "help link": "gives a code",
    "about": "an AI, not a person",
    "persona": "can answer here",
    "persona nobody": "I don't know “nobody”",
    "model": "models can answer",
    "model nothing": "I don't have the model",
    "usage": "Answers today: |not counted",
    "stop": "no answer to stop",
    "link": r"[0-9A-Z]{4}-[0-9A-Z]{4}",
    "link hello": "no code",
    "link 0000-0000": "not valid",
    "unlink": "linked with nothing",
    "export": r"/api/v1/export|Hello there|Nothing was said",
    "forget": "can't be undone",
    "new": "We start afresh",
    "reset": "We start afresh",
    "forget yes": "I have deleted all",
}


@pytest.mark.parametrize("where", PLATFORMS)
async def test_every_command_is_obeyed(url: str, where: str) -> None:
    """On every platform each has its reply, and no model hears of any."""
    async with everywhere(url) as world:
        world.house.fake.script(Answer("Hi!"))
        assert await world.say(where, "Hello there") == "Hi!"
        for number, (command, reply) in enumerate(REPLIES.items()):
            world.thread = None
            # Nobody can be written to as fast as that on a messenger: each is somebody else.
            who = {name: each.format(number) for name, each in OTHERS.get(where, {}).items()}
            told = await world.say(where, f"{SIGN.get(where, '!')}{command}", **who)
            assert re.search(reply, told), (command, told)
        assert len(world.house.fake.requests) == 1


@pytest.mark.parametrize("where", PLATFORMS)
async def test_stop_ends_the_answer_at_once(url: str, where: str) -> None:
    """It does not wait for its turn."""
    async with everywhere(url) as world:
        hold = Hold()
        world.house.fake.script(Answer("one two three", hold=hold, hold_after=1))
        match where:
            case "whatsapp":
                await world.phones.hear("Tell me")
            case "slack":
                world.thread = (await world.slacks.hear("Tell me"))["ts"]
            case "slash":
                await world.slacks.tell(world.slacks.acme.command("Tell me"))
            case _:
                await world.house.post("desk" if where == "native" else where, "Tell me")
        await world.house.fake.came(1)
        stop = {"slash": "stop", "whatsapp": "/stop"}.get(where, "!stop")
        await world.say(where, stop)
        await until(lambda: not world.house.gateway.handler.running)
        hold.release()
        assert "an AI" in await world.say(where, f"{SIGN.get(where, '!')}about")


async def test_replies_are_in_the_language_of_whoever_asks(url: str) -> None:
    """By the phone's country, the browser's header, and Slack's setting."""
    async with everywhere(url) as world:
        world.slacks.acme.locales["U7"] = "de-DE"
        await world.slack("Hallo", user="U7")  # Slack is asked beside this, for the next time
        german = "beginnt dieses Gespräch von vorn"
        told = [
            await world.slack("!hilfe", user="U7"),
            await world.slash("hilfe", user="U7"),
            await world.whatsapp("/hilfe", person="whatsapp:+4915112345678"),
            await world.native("!hilfe", **{"Accept-Language": "de-AT,en;q=0.5"}),
            await world.socket("!hilfe", **{"Accept-Language": "de"}),
        ]
        assert all(german in each for each in told), told
        assert "begins" not in await world.whatsapp("!help")


async def test_what_looks_like_a_command_is_for_the_model(url: str) -> None:
    """And so is all that programs say."""
    async with everywhere(
        url, web_auth="open,apikey", api_token="gw_0123456789abcdefghij"
    ) as world:
        world.house.fake.script(Answer("I see."), Answer("Beep."))
        assert await world.native("/etc/hosts is broken") == "I see."
        key = {"Authorization": "Bearer gw_0123456789abcdefghij"}
        assert await world.native("!help", **key) == "Beep."
