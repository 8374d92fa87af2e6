"""A stream ends where a reader would end it, in time, and takes no more than its share."""

import pytest

from core.types import Done, Text
from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(400))


async def whole(house, ts, receipt):
    _, text = await house.answer(receipt)
    assert "".join(house.seen(ts)) == text
    assert not house.acme.streams


def thumbs(message):
    return [block for block in message.blocks or () if block["type"] == "context_actions"]


async def test_an_answer_in_several_messages_has_thumbs_once(database):
    """Under the last one, also if it was whole before the first was sent."""
    async with slacked(database, says(LONG)) as house:
        house.fake.native = False
        hold = house.fake.hang("chat.postMessage")
        ts, receipt = await house.hear()
        await hold.reached.wait()
        await house.flow(1)
        heir = await house.succeeded()
        await heir.done()
        assert heir.stage.model.calls == []
        shown = [len(thumbs(message)) for message in heir.acme.bot_messages(heir.dm, ts)]
        assert shown == [0, 1]
        await whole(heir, ts, receipt)


async def test_a_refusal_takes_back_all_messages(database):
    """Also those that were full and done."""
    pauses = [Pause(), Pause()]
    refusal = Done(stop_reason="refusal", usage=None)
    script = [Text(LONG), pauses[0], Text("Sure, "), pauses[1], refusal]
    async with slacked(database, script) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: len(house.seen(ts)) == 2)
        pauses[0].go()
        await pauses[1].reached.wait()
        await house.flow(2)
        pauses[1].go()
        await house.done()
        [shown] = house.seen(ts)
        assert "Line" not in shown
        await whole(house, ts, receipt)


async def test_an_old_stream_ends_with_a_line(database):
    """From four minutes on, the next line's end is its last."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two.\nThree ", pauses[1], "4.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        await house.flow(245, step=1.0)
        pauses[0].go()
        await pauses[1].reached.wait()
        await house.flow(5)
        assert house.seen(ts) == ["One two.\n", "Three "]
        pauses[1].go()
        await house.done()
        await whole(house, ts, receipt)


async def test_a_stream_is_as_old_as_it_is_and_not_its_process(database):
    """A replica that has run for an hour still streams an answer in one message."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        house.clock.advance(3600)
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        await house.flow(5)
        pause.go()
        await house.done()
        assert house.seen(ts) == ["One two."]
        await whole(house, ts, receipt)


async def test_a_stream_that_expired_while_the_machine_slept_is_mended(database):
    """Its message shows the whole answer, and its thread is not in process for ever."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        await house.until(lambda: house.acme.sessions.get((house.dm, ts)) == "processing")
        house.clock.advance(310)
        pause.go()
        await house.done()
        assert house.acme.sessions[house.dm, ts] == "active"
        await whole(house, ts, receipt)


async def test_words_that_found_no_room_come_without_others(database):
    """The model says nothing more for long, and what it said is shown all the same."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two ", pauses[1], "three.")) as house:
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        house.fake.fail("chat.appendStream", error="ratelimited", retry_after=5)
        pauses[0].go()
        await house.until(pauses[1].reached.is_set)
        await house.flow(10)
        assert house.seen(ts) == ["One two "]


@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream", "chat.update"])
async def test_no_call_is_made_before_its_limit_is_over(database, method):
    """Slack counts those, too."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two ", pauses[1], "three.")) as house:
        house.fake.native = method != "chat.update"
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        house.fake.fail(method, error="ratelimited", retry_after=20)
        for pause in pauses:
            pause.go()
            await house.flow(4)
        assert len([call for call in house.fake.called(method) if not call.answer["ok"]]) == 1
        assert not house.fake.called(method)[-1].answer["ok"]
        await house.done()
        await whole(house, ts, receipt)


async def test_streams_that_are_over_slow_nobody_down(database):
    """However they ended: stopped, lost, or left to a post."""
    pauses = [Pause() for _ in range(3)]
    scripts = [says("One ", pause, "two.") for pause in pauses]
    async with slacked(database, *scripts) as house:
        troubles = ("chat.stopStream", "chat.appendStream", None)
        for pause, trouble in zip(pauses, troubles, strict=True):
            ts, _ = await house.hear()
            await house.until(lambda ts=ts: house.seen(ts) == ["One "])
            if trouble:
                house.fake.drop(trouble)
            pause.go()
            await house.done()
        assert house.adapter._governor.beat("T1") == 0


async def test_one_stream_among_many_appends_seldom(database):
    """All of them together keep within a workspace's limit."""
    pauses = [Pause() for _ in range(10)]
    steps = [step for pause in pauses for step in ("more ", pause)]
    async with slacked(database, says(*steps)) as house:
        for _ in range(99):
            house.adapter._governor.opened("T1")
        ts, _ = await house.hear()
        await house.until(lambda: house.seen(ts))
        for pause in pauses:
            pause.go()
            await house.flow(5)
        assert len(house.fake.called("chat.appendStream")) <= 1
