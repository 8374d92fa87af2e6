"""What is said to the bot, and what is not."""

import asyncio

import pytest

from adapters.slack.calls import Refused
from adapters.slack.manifest import PROMPTS
from core.telling import NOTHING
from tests.adapters.slack_ingress.stage import door
from tests.fakes.slack import Message


async def test_a_direct_message_is_taken():
    """With what its reply needs, and without asking the database who is there."""
    async with door() as house:
        body = house.dm("*Hi*  &amp; bye")
        assert (await house.say(body)).status == 200
        (event,) = house.taken.events
        ts, dm = body["event"]["ts"], house.acme.im("U1")
        assert event.text == "**Hi**  & bye"
        assert event.message_key == f"slack:T1:{dm}:{ts}"
        assert event.address.conversation == f"{dm}:{ts}"
        assert event.origin == {"kind": "message", "user": "U1", "team": "T1", "ts": ts}
        assert (event.command, house.ours.asked) == (None, 0)


async def test_a_mention_comes_twice_and_is_one_message():
    """Both copies have the same key, place and words."""
    async with door() as house:
        for body in house.in_channel("<@UBOT> hello <@UBOT>"):
            await house.say(body)
        first, twin = house.taken.events
        assert first == twin
        assert first.text.startswith("hello")


async def test_talk_in_channels_is_not_for_the_bot():
    """Without a mention, outside of its threads, nothing is taken."""
    async with door() as house:
        plain, _ = house.in_channel("hello all")
        general = house.acme.channel()
        said = house.acme.say(general, "U1", "a reply", thread_ts=plain["event"]["ts"])
        for body in (plain, house.acme.envelope(house.acme.message_event(said))):
            assert (await house.say(body)).status == 200
        assert (house.taken.events, house.ours.asked) == ([], 1)


async def test_a_thread_that_the_bot_is_in_goes_on_without_a_mention():
    """Whoever replies there speaks to it."""
    async with door() as house:
        general = house.acme.channel()
        house.ours.threads.add(f"{general}:1.2")
        said = house.acme.say(general, "U2", "and then?", thread_ts="1.2")
        await house.say(house.acme.envelope(house.acme.message_event(said)))
        assert [event.text for event in house.taken.events] == ["and then?"]


async def test_people_in_a_message_have_names():
    """The bot's own leading mention is no word of it."""
    async with door() as house:
        house.web.names = {"U2": "Grace"}
        _, mention = house.in_channel("<@UBOT> ask <@U2> and <@U3>")
        await house.say(mention)
        assert house.taken.events[0].text.startswith("ask @Grace and @")


@pytest.mark.parametrize("said", ["Look", ""])
async def test_files_come_with_the_words(said):
    """Whatever they are, and also where there are no words; not in between them."""
    async with door() as house:
        files = [house.acme.file(b"x"), house.acme.file(b"y", name="b.zip", kind="application/zip")]
        await house.say(house.dm(said, files=files, subtype="file_share"))
        (event,) = house.taken.events
        assert event.text == said
        told = [(file.name, file.type, file.source["team"]) for file in event.files]
        assert told == [("cat.png", "image/png", "T1"), ("b.zip", "application/zip", "T1")]


async def test_files_come_with_a_mention():
    """Its two copies bring the same ones, and the mention alone is no word."""
    async with door() as house:
        for body in house.in_channel("<@UBOT>", files=[house.acme.file(b"x")]):
            await house.say(body)
        first, twin = house.taken.events
        assert first == twin
        assert (first.text, len(first.files)) == ("", 1)


async def test_who_sends_too_many_files_is_told_in_words():
    """Ten come along; a line counts the others, so that the model can say it."""
    async with door() as house:
        files = [house.acme.file(b"x") for _ in range(13)]
        await house.say(house.dm("Look", files=files))
        (event,) = house.taken.events
        assert len(event.files) == 10
        assert event.text == "Look\n\n[Not opened beside the first 10 files: 3 more]"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("", "(a message without text)"),
        ("  \n", "(a message without text)"),
        ("a\x00b", "ab"),
        ("x" * 150_000, "x" * 100_000),
    ],
)
async def test_what_is_stored_can_be_stored(said, text):
    """Never empty, never without end, and without what no database takes."""
    async with door() as house:
        await house.say(house.dm(said))
        assert house.taken.events[0].text == text


async def test_half_a_surrogate_is_no_reason_to_break():
    """What is not text is replaced."""
    async with door() as house:
        assert (await house.say(house.dm("a\ud800b"))).status == 200
        assert house.taken.events[0].text == "a?b"


@pytest.mark.parametrize(("said", "name"), [("!new", "new"), ("!HELP ", "help"), ("!reset", "new")])
async def test_commands_in_chat_are_taken_as_such(said, name):
    """Alone in a direct message, or after the mention in a channel."""
    async with door() as house:
        await house.say(house.dm(said))
        await house.say(house.in_channel(f"<@UBOT> {said}")[1])
        assert [event.command for event in house.taken.events] == [name, name]


async def test_stop_in_chat_stops_the_answer_there():
    """`!stop` ends it, and is not stored; where nothing runs, they are told so."""
    async with door() as house:
        _, mention = house.in_channel("<@UBOT> !stop")
        where = f"{house.acme.channel()}:{mention['event']['ts']}"
        house.stopped.running = {where}
        await house.say(mention)
        assert (house.stopped.at, house.taken.events) == ([f"T1 {where}"], [])
        house.stopped.running = set()
        await house.say(mention)
        [told] = house.taken.events
        assert (told.command, told.argument) == ("stop", NOTHING)


async def test_commands_are_for_whom_they_are_said_to():
    """In a channel, without a mention and outside of its threads, `!stop` is somebody else's."""
    async with door() as house:
        plain, _ = house.in_channel("!stop")
        await house.say(plain)
        assert (house.stopped.at, house.taken.events) == ([], [])


async def test_the_stop_button_stops_the_answer_in_its_thread():
    """`agent_session_stopped` names the thread."""
    async with door() as house:
        body = house.dm()
        dm, ts = house.acme.im("U1"), body["event"]["ts"]
        shown = house.acme.post(dm, "UBOT", thread_ts=ts, bot=True)
        assert isinstance(shown, Message)
        await house.say(house.acme.envelope(house.acme.press_stop(shown)))
        assert house.stopped.at == [f"T1 {dm}:{ts}"]


async def test_the_stop_button_stops_a_classic_conversation():
    """Where direct messages are one conversation, that one is meant."""
    async with door(classic=True) as house:
        dm = house.acme.im("U1")
        event = {"type": "agent_session_stopped", "channel": dm, "user": "U1", "thread_ts": "1.2"}
        await house.say(house.acme.envelope(event))
        assert house.stopped.at == [f"T1 {dm}:1.2", f"T1 {dm}"]


async def test_who_opens_the_app_s_messages_is_shown_suggestions():
    """Of the manifest's prompts, in that very conversation."""
    async with door() as house:
        opened = {"type": "app_home_opened", "tab": "messages", "user": "U1", "channel": "D1"}
        assert (await house.say(house.acme.envelope(opened))).status == 200
        (call,) = house.web.calls
        assert call[:2] == ("T1", "assistant.threads.setSuggestedPrompts")
        assert call[2]["channel_id"] == "D1"
        assert [prompt["title"] for prompt in call[2]["prompts"]] == [title for title, _ in PROMPTS]


@pytest.mark.parametrize("event", [{"tab": "home", "channel": "D1"}, {"tab": "messages"}, {}])
async def test_suggestions_are_for_the_messages_tab(event):
    """Elsewhere there is nothing to suggest."""
    async with door() as house:
        about = house.acme.envelope({"type": "app_home_opened", **event})
        assert ((await house.say(about)).status, house.web.calls) == (200, [])


async def test_suggestions_that_slack_refuses_trouble_nobody():
    """They are a courtesy."""
    async with door() as house:
        house.web.fault = Refused("not_agent_app")
        opened = {"type": "app_home_opened", "tab": "messages", "user": "U1", "channel": "D1"}
        assert (await house.say(house.acme.envelope(opened))).status == 200


async def test_suggestions_under_way_end_with_the_listeners():
    """Nothing is left when it stops, however slow Slack is."""
    before = asyncio.all_tasks()
    async with door() as house:
        house.web.gate.clear()
        opened = {"type": "app_home_opened", "tab": "messages", "user": "U1", "channel": "D1"}
        assert (await house.say(house.acme.envelope(opened))).status == 200
    assert not [task for task in asyncio.all_tasks() - before if "_prompt" in repr(task)]


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
async def test_the_app_s_removal_is_told(event):
    """Even when nobody knows the workspace any more."""
    async with door() as house:
        house.house.gone = True
        body = house.acme.envelope({"type": event, "tokens": {"bot": ["UBOT"]}})
        assert (await house.say(body)).status == 200
        assert house.removed == [body]


async def test_two_workspaces_are_two_worlds():
    """The same people and words elsewhere are another conversation."""
    async with door() as house:
        other = house.fake.workspace("T2", token="xoxb-2")
        await house.say(house.dm())
        await house.say(house.dm(team=other))
        here, there = house.taken.events
        assert (here.address.account, there.address.account) == ("T1", "T2")
        assert here.message_key != there.message_key


async def test_an_organisation_s_id_goes_along():
    """The reply needs it to find the token."""
    async with door() as house:
        body = house.dm()
        grid = {"team_id": None, "enterprise_id": "E1", "is_enterprise_install": True}
        body["authorizations"][0] |= grid
        await house.say(body)
        assert house.taken.events[0].origin["enterprise"] == "E1"
        assert house.house.asked == [{"enterprise": "E1", "team": None, "org_wide": True}]
