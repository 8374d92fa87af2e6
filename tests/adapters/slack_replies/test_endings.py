"""However an answer ends, nothing of it goes on."""

from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE


async def test_a_reply_that_is_dropped_slows_nobody_down(database):
    """Its stream is somebody else's now."""
    async with slacked(database, says("One ", Pause())) as house:
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        await house.until(lambda: house.adapter._governor.beat("T1") > 0)
        await house.stage.handler.abandon()
        assert house.adapter._governor.beat("T1") == 0


async def test_an_answer_that_is_stopped_before_its_first_words_leaves_nothing(database):
    """No message, and nobody who thinks."""
    pause = Pause()
    async with slacked(database, says(pause, "One")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.acme.statuses.get((house.dm, ts)))
        house.stage.answerer.stop(receipt.turn_id)
        await house.done()
        assert house.seen(ts) == []
        assert not house.acme.statuses.get((house.dm, ts))
        assert house.acme.sessions[house.dm, ts] == "active"


async def test_what_was_held_back_is_shown_in_the_end(database):
    """It might have become a link, and did not."""
    async with slacked(database, says("One is <h")) as house:
        ts, _ = await house.hear()
        await house.done()
        assert house.seen(ts) == ["One is <h"]
