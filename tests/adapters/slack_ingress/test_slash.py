"""Slash commands."""

import asyncio

import pytest

from adapters.slack.slash import LATER, NOT_INSTALLED, WORKING
from core.database import DatabaseDown
from tests.adapters.slack_ingress.stage import door


async def test_a_question_is_taken_and_its_sender_told():
    """In the same answer, for the sender alone."""
    async with door() as house:
        form = house.acme.command("why is the sky blue?", user="U7")
        answered = await house.say(form)
        assert answered.status == 200
        assert answered.json == {"response_type": "ephemeral", "text": WORKING}
        (event,) = house.taken.events
        general = house.acme.channel()
        assert event.text == "why is the sky blue?"
        assert event.message_key == f"slack:T1:trigger:{form['trigger_id']}"
        assert (event.address.conversation, event.address.direct) == (f"{general}/U7", True)
        assert event.origin == {
            "kind": "command",
            "user": "U7",
            "team": "T1",
            "channel": general,
            "response_url": form["response_url"],
            "at": 1_800_000_000_000,
            "question": "why is the sky blue?",
        }


@pytest.mark.parametrize("text", ["", "  ", "help", "HELP"])
@pytest.mark.parametrize("name", ["/ai", "/ask-acme"])
async def test_help_is_shown_by_the_command_s_own_name(text, name):
    """Nothing is stored for it."""
    async with door() as house:
        answered = await house.say(house.acme.command(text, command=name))
        assert answered.json["response_type"] == "ephemeral"
        assert f"`{name} new`" in answered.json["text"]
        assert house.taken.events == []


async def test_new_is_a_command():
    """It is stored as one, so that it is in order with what was said."""
    async with door() as house:
        await house.say(house.acme.command("new"))
        assert [event.command for event in house.taken.events] == ["new"]


@pytest.mark.parametrize(("running", "told"), [(True, "Stopped."), (False, "no answer")])
async def test_stop_says_whether_there_was_something(running, told):
    """It ends the sender's own answer there, and is not stored."""
    async with door() as house:
        place = f"{house.acme.channel()}/U1"
        house.stopped.running = {place} if running else set()
        answered = await house.say(house.acme.command("stop"))
        assert told in answered.json["text"]
        assert (house.stopped.at, house.taken.events) == ([f"T1 {place}"], [])


async def test_a_long_question_is_quoted_in_part():
    """What its reply can quote is short."""
    async with door() as house:
        await house.say(house.acme.command("why? " * 100))
        assert len(house.taken.events[0].origin["question"]) == 150


async def test_people_in_a_command_have_names():
    """Slack sends them along."""
    async with door() as house:
        await house.say(house.acme.command("who is <@U2|grace>?"))
        assert house.taken.events[0].text == "who is @grace?"


async def test_a_command_from_a_workspace_without_the_app_is_told_so():
    """Its sender learns what to do; nothing is taken."""
    async with door() as house:
        house.house.gone = True
        answered = await house.say(house.acme.command("Hi"))
        assert (answered.status, answered.json["text"]) == (200, NOT_INSTALLED)
        assert house.taken.events == []


async def test_a_command_that_can_t_be_stored_says_so():
    """Slack sends commands only once, so their sender has to."""
    async with door() as house:
        house.taken.fault = DatabaseDown("down")
        answered = await house.say(house.acme.command("Hi"))
        assert answered.status == 200
        assert answered.json == {"response_type": "ephemeral", "text": LATER}


async def test_a_command_that_takes_too_long_says_so():
    """Before Slack gives up by itself."""
    async with door(taking=0) as house:
        house.taken.hangs = True
        assert (await house.say(house.acme.command("Hi"))).json["text"] == LATER


async def test_a_command_is_told_to_wait_when_nobody_knows_the_workspace():
    """The database is down: it may be installed or not."""
    async with door() as house:
        house.house.down = True
        assert (await house.say(house.acme.command("Hi"))).json["text"] == LATER


@pytest.mark.parametrize("name", ["team_id", "channel_id", "user_id", "trigger_id"])
async def test_a_command_with_odd_ids_is_not_taken(name):
    """An id is what it is; all else would be a false place."""
    async with door() as house:
        answered = await house.say(house.acme.command("Hi") | {name: "a:b/c"})
        assert (answered.status, house.taken.events) == (200, [])


async def test_commands_do_not_wait_for_each_other():
    """Many at once are all taken."""
    async with door() as house:
        forms = [house.acme.command(str(number)) for number in range(10)]
        await asyncio.gather(*(house.say(form) for form in forms))
        assert {event.text for event in house.taken.events} == {str(n) for n in range(10)}
