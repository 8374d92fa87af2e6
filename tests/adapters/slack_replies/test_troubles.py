"""Trouble at the worst of moments: the answer is there once, and whole, all the same."""

import asyncio

from core import deliveries
from core.database import DatabaseDown
from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE, Troubled

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(400))


async def test_a_death_after_a_frozen_message_is_gone_loses_nothing(database):
    """It was taken away, and nothing was noted yet of the one in its place."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        house.fake.native = False
        house.fake.fail("chat.update", error="edit_window_closed")
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        hold = house.fake.hang("chat.delete", processed=True)
        pause.go()
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert heir.seen(ts) == ["One two."]


async def test_a_message_that_is_not_known_to_be_gone_is_not_forgotten(database):
    """Taking it away was tried in vain: it is tried again, as any other call."""
    async with slacked(database, says(LONG, Pause())) as house:
        ts, _ = await house.hear()
        await house.until(lambda: len(house.seen(ts)) == 2)
        house.fake.drop("chat.delete", processed=False, times=3)
        heir = await house.succeeded(says("Short."))
        await heir.done()
        assert heir.seen(ts) == ["Short."]


async def test_a_note_that_was_never_stored_is_made_again(database):
    """The database is back when the message is sent, and then the process dies."""
    troubled = Troubled(database)
    troubled.meet(deliveries.checkpoint, *[DatabaseDown("away")] * 9)
    async with slacked(troubled, says("Half an ", Pause(), "answer")) as house:
        hold = house.fake.hang("chat.startStream", processed=True)
        ts, _ = await house.hear()
        for _ in range(600):
            await house.flow(0.5)
            if hold.reached.is_set():
                break
        assert hold.reached.is_set()
        heir = await house.succeeded(says("Whole."))
        await heir.done()
        assert heir.seen(ts) == ["Whole."]


async def test_a_command_is_told_though_the_one_before_it_could_not_be(database):
    """Trouble with one response_url is no trouble of the next."""
    pause = Pause()
    async with slacked(database, says(pause, "One."), says("Four.")) as house:
        await house.command("1")
        await pause.reached.wait()
        for number in (2, 3, 4):
            await house.command(str(number))
        house.fake.drop("response_url", processed=False, after=2)
        pause.go()
        await house.done()
        texts = [each.text for each in house.acme.ephemerals]
        assert texts.count("I answered this together with your next one.") == 1


async def test_nobody_thinks_any_more_once_an_answer_is_complete(database):
    """Also if nothing was sent for that but an edit, which takes no status away."""
    pause = Pause()
    async with slacked(database, says("Half an ", Pause(), "answer")) as house:
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts) == ["Half an "])
        heir = await house.succeeded(says(pause, "Whole."))
        await heir.until(pause.reached.is_set)
        await heir.flow(2)
        assert heir.acme.statuses.get((heir.dm, ts))
        pause.go()
        await heir.done()
        assert heir.seen(ts) == ["Whole."]
        assert not heir.acme.statuses.get((heir.dm, ts))


async def test_an_answer_whose_last_stream_was_old_has_thumbs(database):
    """It ended before the answer did, which then added nothing."""
    pause = Pause()
    async with slacked(database, says("One.", pause)) as house:
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One."])
        await house.flow(290, step=1.0)
        pause.go()
        await house.done()
        [message] = house.acme.bot_messages(house.dm, ts)
        assert [block["type"] for block in message.blocks or ()][-1:] == ["context_actions"]


async def test_a_turn_that_is_stopped_and_dropped_at_once_is_dropped(database):
    """Who shuts down does not wait for the end of an answer that was just stopped."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        house.fake.hang("chat.stopStream")
        house.stage.answerer.stop(receipt.turn_id)
        async with asyncio.timeout(3):
            await house.stage.handler.leave()


async def test_a_reader_who_stops_a_full_stream_stops_the_model(database):
    """As with any other: the press is learnt from whatever Slack refuses because of it."""
    pauses = [Pause(), Pause()]
    script = says(LONG[:11_000], pauses[0], LONG[11_000:], pauses[1], "and more")
    async with slacked(database, script) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: bool(house.seen(ts)))
        house.acme.press_stop(house.acme.bot_messages(house.dm, ts)[0])
        pauses[0].go()
        await house.flow(5)
        pauses[1].go()
        await house.done()
        assert (await house.turn(receipt)).status == "cancelled"


async def test_being_told_to_wait_is_no_failed_offer(database):
    """After a crash many replies look for their messages at once, and Slack lets 50 a minute."""
    async with slacked(database, says("Half ", Pause(), "an answer")) as house:
        hold = house.fake.hang("chat.startStream", processed=True)
        ts, _ = await house.hear()
        await hold.reached.wait()
        house.fake.fail("conversations.replies", error="ratelimited", retry_after=1, times=12)
        heir = await house.succeeded(says("Whole."))
        await heir.done()
        assert heir.seen(ts) == ["Whole."]
