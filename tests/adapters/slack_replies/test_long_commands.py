"""What a response_url does not show goes on in direct messages, once and complete."""

import pytest

from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(600))


def rest(house):
    """The bot's messages in the threads of direct messages."""
    return [each for each in house.acme.bot_messages(house.dm) if each.thread_ts]


async def test_the_rest_of_an_answer_has_thumbs(database):
    """Under its last message alone."""
    async with slacked(database, says(LONG)) as house:
        await house.command()
        await house.done()
        kinds = [[block["type"] for block in each.blocks] for each in rest(house)]
        assert len(kinds) >= 2
        assert ["context_actions" in each for each in kinds] == [False] * (len(kinds) - 1) + [True]


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
async def test_a_death_amid_the_rest_repeats_nothing(database, after, processed):
    """Whichever message was on its way."""
    async with slacked(database, says(LONG)) as house:
        hold = house.fake.hang("chat.postMessage", processed=processed, after=after)
        await house.command("How?")
        flowing = house.flow(10)
        await flowing
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        [opening] = heir.acme.ephemerals
        shown = opening.text.partition("\n\n_It goes on in")[0]
        lines = [
            line
            for text in (shown, *(each.text for each in rest(heir)))
            for line in text.split("\n")
        ]
        assert [line for line in lines if line] == LONG.splitlines()


async def test_the_url_is_not_used_more_often_than_slack_lets_it(database):
    """One use is left, and the answer comes as a direct message."""
    async with slacked(database, says("Hello.")) as house:
        house.fake.drop("response_url", processed=True, times=None)
        await house.command("Well?")
        await house.done(step=1.0)
        assert len(house.fake.called("response_url")) == 4
        assert [each.text for each in rest(house)] == ["Hello."]


async def test_what_was_shown_by_the_url_is_not_shown_again(database):
    """Whoever goes on with the rest leaves it alone."""
    async with slacked(database, says(LONG)) as house:
        hold = house.fake.hang("chat.postMessage")
        await house.command()
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert len(heir.fake.called("response_url")) == 1


async def test_a_dead_url_of_an_older_command_is_no_trouble(database):
    """The answer was shown by the newest one's."""
    pause = Pause()
    async with slacked(database, says(pause, "One."), says("Two and three.")) as house:
        await house.command("1")
        await pause.reached.wait()
        await house.command("2")
        await house.command("3")
        house.fake.answer("response_url", status=404, body="expired_url", after=2)
        pause.go()
        await house.done()
        assert [each.text for each in house.acme.ephemerals] == ["One.", "Two and three."]
        [*_, last] = house.stage.facts
        assert last.status == "done"
