"""A death at an answer's second message, or amid another answer's place, shows each once."""

import pytest

from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(400))
OTHER = "".join(f"Another way to put line {number}, at length.\n" for number in range(500))


async def whole(house, ts, receipt):
    _, text = await house.answer(receipt)
    assert "".join(house.seen(ts)) == text
    assert not house.acme.streams


@pytest.mark.parametrize("method", ["chat.startStream", "chat.postMessage"])
@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
async def test_a_death_before_the_second_message_is_noted(database, method, processed):
    """It is looked for like the first one."""
    async with slacked(database, says(LONG, Pause())) as house:
        house.fake.native = method == "chat.startStream"
        after = 0 if house.fake.native else 1  # what is full at once is a post in either case
        hold = house.fake.hang(method, processed=processed, after=after)
        ts, receipt = await house.hear()
        await hold.reached.wait()
        heir = await house.succeeded(says(LONG))
        await heir.done()
        assert len(heir.seen(ts)) == 2
        await whole(heir, ts, receipt)


@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
async def test_a_death_while_a_message_is_sent_anew_is_noted(database, processed):
    """The frozen one is gone already; the one in its place is looked for."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        house.fake.native = False
        house.fake.fail("chat.update", error="edit_window_closed")
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        hold = house.fake.hang("chat.postMessage", processed=processed)
        pause.go()
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert heir.seen(ts) == ["One two."]
        await whole(heir, ts, receipt)


async def test_another_long_answer_takes_the_place_of_complete_messages(database):
    """Of the first one nothing is left, though a message of it was complete."""
    async with slacked(database, says(LONG, Pause())) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: len(house.seen(ts)) == 2)
        heir = await house.succeeded(says(OTHER))
        await heir.done()
        assert all(text.endswith("\n") for text in heir.seen(ts))
        await whole(heir, ts, receipt)


async def test_an_answer_that_grew_in_a_complete_message_has_thumbs(database):
    """It was edited to its end before it was final; its last edit tells that it is."""
    pause = Pause()
    async with slacked(database, says(LONG, Pause())) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: len(house.seen(ts)) == 2)
        heir = await house.succeeded(says("Short.", pause))
        await heir.until(pause.reached.is_set)
        await heir.flow(3)
        assert heir.seen(ts)[0] == "Short."
        pause.go()
        await heir.done()
        [message] = heir.acme.bot_messages(heir.dm, ts)
        assert message.blocks[-1]["type"] == "context_actions"
        await whole(heir, ts, receipt)


async def test_a_streamed_message_that_was_full_is_left_alone(database):
    """Whoever goes on with a stored answer does not touch it."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says(LONG[:3000], pauses[0], LONG[3000:], pauses[1])) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts))
        pauses[0].go()
        await house.flow(3)
        await house.until(lambda: len(house.seen(ts)) == 2)
        hold = house.fake.hang("chat.stopStream")
        pauses[1].go()
        await house.flow(1)
        await hold.reached.wait()
        first = house.acme.bot_messages(house.dm, ts)[0]
        heir = await house.succeeded()
        await heir.done()
        assert first.ts not in [call.args["ts"] for call in heir.fake.called("chat.update")]
        await whole(heir, ts, receipt)


async def test_a_stream_that_was_found_is_ended_before_the_answer_is(database):
    """The next model may think for longer than a stream lasts."""
    async with slacked(database, says("Half an ", Pause(), "answer")) as house:
        hold = house.fake.hang("chat.startStream", processed=True)
        ts, _ = await house.hear()
        await hold.reached.wait()
        heir = await house.succeeded(says(Pause()))
        await heir.flow(5)
        assert heir.seen(ts) == ["Half an "]
        assert not heir.acme.streams


async def test_an_answer_before_is_not_taken_for_the_one_that_is_looked_for(database):
    """It came after the question, as that had to wait."""
    pause = Pause()
    async with slacked(database, says(pause, "One."), says("Two", Pause())) as house:
        ts, _ = await house.hear()
        await pause.reached.wait()
        await house.hear("And?", thread_ts=ts)
        hold = house.fake.hang("chat.startStream", after=1)
        pause.go()
        await house.until(lambda: house.seen(ts) == ["One."])
        await hold.reached.wait()
        heir = await house.succeeded(says("Two."))
        await heir.done()
        assert heir.seen(ts) == ["One.", "Two."]


async def test_who_finds_nothing_streams_anew(database):
    """What was lost does not keep the answer back until its end."""
    pause = Pause()
    async with slacked(database, says("Half an ", Pause(), "answer")) as house:
        hold = house.fake.hang("chat.startStream")
        ts, _ = await house.hear()
        await hold.reached.wait()
        heir = await house.succeeded(says("First ", pause, "last."))
        await heir.flow(5)
        assert heir.seen(ts) == ["First "]
