"""Whatever dies, whoever goes on leaves one complete answer and no open stream."""

import pytest

from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(400))
OTHER = "".join(f"Another way to put line {number}.\n" for number in range(50))


async def whole(house, ts, receipt):
    _, text = await house.answer(receipt)
    assert "".join(house.seen(ts)) == text
    assert not house.acme.streams


async def test_a_stream_that_was_left_open_is_closed_and_its_message_edited(database):
    """The model is asked again, and its other answer takes the place of the half one."""
    async with slacked(database, says("Half an ", Pause(), "answer")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["Half an "])
        heir = await house.succeeded(says("Whole."))
        await heir.done()
        assert heir.seen(ts) == ["Whole."]
        assert len(house.fake.called("chat.startStream")) == 1
        await whole(heir, ts, receipt)


@pytest.mark.parametrize("method", ["chat.startStream", "chat.postMessage"])
@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
async def test_a_death_before_the_first_message_is_noted(database, method, processed):
    """Slack has it, or not: the next process looks before it writes."""
    async with slacked(database, says("Half an ", Pause(), "answer")) as house:
        house.fake.native = method == "chat.startStream"
        hold = house.fake.hang(method, processed=processed)
        ts, receipt = await house.hear()
        await hold.reached.wait()
        heir = await house.succeeded(says("Whole."))
        await heir.done()
        assert heir.seen(ts) == ["Whole."]
        await whole(heir, ts, receipt)


async def test_a_stored_answer_is_not_asked_for_again(database):
    """A death between the answer's end and its last call: the same text is completed."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        hold = house.fake.hang("chat.stopStream")
        pause.go()
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert heir.stage.model.calls == []
        assert heir.seen(ts) == ["One two."]
        await whole(heir, ts, receipt)


async def test_messages_that_are_complete_are_left_alone(database):
    """Of a long stored answer, only what is missing is sent."""
    async with slacked(database, says(LONG)) as house:
        house.fake.native = False
        hold = house.fake.hang("chat.update")
        ts, receipt = await house.hear()
        await hold.reached.wait()
        first, second = house.acme.bot_messages(house.dm, ts)
        heir = await house.succeeded()
        await heir.done()
        touched = [call.args["ts"] for call in house.fake.called("chat.update")]
        assert first.ts not in touched
        assert second.ts in touched
        await whole(heir, ts, receipt)


async def test_messages_of_a_longer_answer_go(database):
    """The second answer is shorter than what the first one showed already."""
    async with slacked(database, says(LONG, Pause())) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: len(house.seen(ts)) == 2)
        heir = await house.succeeded(says(OTHER))
        await heir.done()
        assert len(heir.seen(ts)) == 1
        await whole(heir, ts, receipt)


async def test_dying_again_and_again_leaves_one_answer(database):
    """Each process gets a little further; the last one completes."""
    async with slacked(database, says("a ", Pause())) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts))
        one = await house.succeeded(says("bb ", Pause()))
        await one.until(lambda: one.stage.model.calls)
        await one.flow(5)
        assert one.seen(ts) == ["bb "]
        two = await one.succeeded(says("ccc"))
        await two.done()
        assert two.seen(ts) == ["ccc"]
        await whole(two, ts, receipt)
