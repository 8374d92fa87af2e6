"""The answer to `/ai` reaches its sender alone; a long one goes on in a direct message's thread."""

import pytest

from core import transcript
from core.types import Address
from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(300))


def shown(house):
    """What senders of commands see for themselves."""
    return [each.text for each in house.acme.ephemerals]


def roots(house):
    """What the bot says in direct messages outside of threads."""
    return [each for each in house.acme.bot_messages(house.dm) if each.thread_ts is None]


async def test_an_answer_is_seen_by_the_sender_alone(database):
    """One use of the response_url, nothing in the channel."""
    async with slacked(database, says("Hello.")) as house:
        form, _ = await house.command()
        await house.done()
        assert shown(house) == ["Hello."]
        assert not house.acme.bot_messages(form["channel_id"])


async def test_a_long_answer_goes_on_in_a_direct_message(database):
    """Its beginning where it was asked, the rest in the thread of the quoted question, once."""
    async with slacked(database, says(LONG)) as house:
        await house.command("How does it work?")
        await house.done()
        [root] = roots(house)
        assert root.text == "> How does it work?"
        opening = shown(house)[0].partition("\n\n_It goes on in")[0]
        rest = house.acme.bot_messages(house.dm, root.ts)
        lines = [
            line for text in (opening, *(each.text for each in rest)) for line in text.split("\n")
        ]
        assert [line for line in lines if line] == LONG.splitlines()


async def test_the_thread_of_a_long_answer_goes_on_with_the_conversation(database):
    """What is said there is said in the same session."""
    async with slacked(database, says(LONG)) as house:
        _, receipt = await house.command()
        await house.done()
        [root] = roots(house)
        place = Address(platform="slack", account="T1", conversation=f"{house.dm}:{root.ts}")
        found = await house.stage.database.read(transcript.find_session, place)
        assert found == receipt.session_id


@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
async def test_a_response_of_unknown_fate_is_shown_once(database, processed):
    """It takes its own place if it was there already."""
    async with slacked(database, says("Hello.")) as house:
        house.fake.drop("response_url", processed=processed)
        await house.command()
        await house.done()
        assert shown(house) == ["Hello."]


@pytest.mark.parametrize("body", ["<html>a proxy</html>", "", '{"ok": false}', "okay"])
async def test_a_response_that_is_not_slacks_is_sent_again(database, body):
    """Nobody knows whether Slack has it."""
    async with slacked(database, says("Hello.")) as house:
        house.fake.answer("response_url", body=body)
        await house.command()
        await house.done()
        assert shown(house) == ["Hello."]


async def test_the_way_to_a_long_answer_leads_into_the_same_slack(database):
    """There are others than slack.com."""
    async with slacked(database, says(LONG)) as house:
        await house.command()
        await house.done()
        site = house.fake.url.removesuffix("api/")
        assert f"<{site}app_redirect?channel={house.dm}|" in shown(house)[0]


@pytest.mark.parametrize("error", ["used_url", "expired_url"])
async def test_a_dead_response_url_is_no_dead_end(database, error):
    """All of the answer comes as a direct message."""
    async with slacked(database, says("Hello.")) as house:
        house.fake.answer("response_url", status=404, body=error, times=None)
        await house.command("Well?")
        await house.done()
        [root] = roots(house)
        assert [each.text for each in house.acme.bot_messages(house.dm, root.ts)] == ["Hello."]


async def test_an_answer_that_took_too_long_for_its_url_is_a_direct_message(database):
    """After 25 minutes the url is not tried any more."""
    pause = Pause()
    async with slacked(database, says(pause, "Hello.")) as house:
        await house.command()
        await pause.reached.wait()
        house.clock.advance(26 * 60)
        pause.go()
        await house.done()
        [root] = roots(house)
        assert [each.text for each in house.acme.bot_messages(house.dm, root.ts)] == ["Hello."]
        assert not shown(house)


async def test_a_death_between_the_parts_repeats_none(database):
    """Whoever goes on finds the root, and what of the thread is there."""
    async with slacked(database, says(LONG)) as house:
        hold = house.fake.hang("chat.postMessage", processed=True)
        await house.command("How?")
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert len(shown(heir)) == 1
        [root] = roots(heir)
        assert len(heir.acme.bot_messages(heir.dm, root.ts)) == 2


async def test_commands_that_are_answered_together_are_all_told(database):
    """Nobody waits for an answer that came elsewhere."""
    pause = Pause()
    async with slacked(database, says(pause, "One."), says("Two and three.")) as house:
        await house.command("1")
        await pause.reached.wait()
        await house.command("2")
        await house.command("3")
        pause.go()
        await house.done()
        texts = shown(house)
        assert texts[0] == "One."
        assert sorted(texts[1:]) == [
            "I answered this together with your next one.",
            "Two and three.",
        ]
