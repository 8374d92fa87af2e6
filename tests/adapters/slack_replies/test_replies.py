"""An answer in Slack is complete, appears once, and leaves nothing streaming."""

import pytest

from core.types import Done, Text
from tests.adapters.slack_replies.stage import Pause, says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(700))


async def whole(house, ts, receipt, *, channel=None):
    """All that was stored is shown, in one piece a message, and no stream is open."""
    _, text = await house.answer(receipt)
    assert "".join(house.seen(ts, channel)) == text
    assert not house.acme.streaming
    assert not house.acme.broken


async def test_an_answer_streams_into_the_thread_of_its_message(database):
    """The first words are there while the model talks; at the end all of them, in one message."""
    pause = Pause()
    async with slacked(database, says("Hello ", pause, "there.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["Hello "])
        assert house.acme.streaming
        pause.go()
        await house.done()
        assert house.seen(ts) == ["Hello there."]
        assert not house.fake.called("chat.postMessage")
        await whole(house, ts, receipt)


async def test_an_answer_that_comes_at_once_is_one_post(database):
    """What is complete when its first words could be shown needs no stream."""
    async with slacked(database, says("Hello.")) as house:
        ts, receipt = await house.hear()
        await house.done()
        assert house.seen(ts) == ["Hello."]
        await whole(house, ts, receipt)


async def test_an_answer_has_thumbs_for_itself(database):
    """Their values name the stored answer, whichever way it was shown."""
    pause = Pause()
    async with slacked(database, says("a ", pause, "b"), says("c")) as house:
        first, one = await house.hear()
        await house.until(lambda: house.seen(first))
        pause.go()
        await house.done()
        second, two = await house.hear("And?")
        await house.done()
        for ts, receipt in ((first, one), (second, two)):
            [message] = house.acme.bot_messages(house.dm, ts)
            [thumbs] = [block for block in message.blocks if block["type"] == "context_actions"]
            message_id, _ = await house.answer(receipt)
            buttons = thumbs["elements"][0]
            assert buttons["positive_button"]["value"] == f"{message_id}:1"
            assert buttons["negative_button"]["value"] == f"{message_id}:-1"


async def test_a_long_answer_is_several_messages_none_too_long(database):
    """A stream that is full ends, and the next message goes on; the whole is there once."""
    pauses = [Pause() for _ in range(8)]
    size = len(LONG) // 8 + 1
    steps = [step for n, p in enumerate(pauses) for step in (LONG[n * size : (n + 1) * size], p)]
    async with slacked(database, says(*steps)) as house:
        ts, receipt = await house.hear()
        for pause in pauses:
            await pause.reached.wait()
            house.clock.advance(2)
            pause.go()
        await house.done()
        assert len(house.seen(ts)) >= 3
        assert all(len(text) <= 12_000 for text in house.seen(ts))
        await whole(house, ts, receipt)


async def test_code_that_is_cut_is_fenced_in_every_message(database):
    """30,000 characters with a long listing: each message's fences balance."""
    code = "".join(f"    value_{number} = compute({number})\n" for number in range(1100))
    answer = f"Here it is:\n\n```python\n{code}```\n\nThat is all."
    assert len(answer) > 30_000
    async with slacked(database, says(answer)) as house:
        ts, _ = await house.hear()
        await house.done()
        shown = house.seen(ts)
        assert len(shown) >= 3
        assert all(text.count("```") % 2 == 0 for text in shown)
        lines = [line for text in shown for line in text.splitlines() if "value_" in line]
        assert lines == code.splitlines()


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_limit_that_is_met_only_delays(database, method):
    """429 with Retry-After is obeyed; the answer is complete and there once."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two ", pauses[1], "three.")) as house:
        house.fake.fail(method, error="ratelimited", retry_after=3, times=2)
        ts, receipt = await house.hear()
        for pause in pauses:
            await pause.reached.wait()
            await house.flow(2)
            pause.go()
        await house.done()
        assert len(house.seen(ts)) == 1
        await whole(house, ts, receipt)


async def test_a_workspace_without_streams_gets_edits(database):
    """A refused start is not tried again there; the message grows by edits."""
    pauses = [Pause(), Pause()]
    script = says("One ", pauses[0], "two ", pauses[1], "three.")
    async with slacked(database, script, says("x ", Pause(), "y")) as house:
        house.fake.native = False
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        pauses[0].go()
        await pauses[1].reached.wait()
        await house.flow(3)
        assert house.seen(ts) == ["One two "]
        pauses[1].go()
        await house.done()
        await whole(house, ts, receipt)
        other, _ = await house.hear("Again")
        await house.until(lambda: house.seen(other) == ["x "])
        assert len(house.fake.called("chat.startStream")) == 1


@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
@pytest.mark.parametrize("native", [True, False], ids=["stream", "post"])
async def test_a_first_message_of_unknown_fate_is_looked_for(database, processed, native):
    """The connection drops at the first message: if it is there it goes on, else it is sent."""
    pause = Pause()
    async with slacked(database, says("Hello ", pause, "there.")) as house:
        house.fake.native = native
        method = "chat.startStream" if native else "chat.postMessage"
        house.fake.drop(method, processed=processed, times=1)
        ts, receipt = await house.hear()
        await house.until(lambda: house.fake.called(method))
        pause.go()
        await house.done()
        assert house.seen(ts) == ["Hello there."]
        await whole(house, ts, receipt)


@pytest.mark.parametrize("processed", [True, False], ids=["processed", "lost"])
@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream", "chat.update"])
async def test_a_later_call_of_unknown_fate_ends_in_the_whole_answer(database, method, processed):
    """Nothing is appended twice, and nothing is left out."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two ", pauses[1], "three.")) as house:
        house.fake.native = method != "chat.update"
        house.fake.drop(method, processed=processed, times=1)
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        pauses[0].go()
        await pauses[1].reached.wait()
        await house.flow(3)
        pauses[1].go()
        await house.done()
        assert house.seen(ts) == ["One two three."]
        await whole(house, ts, receipt)


async def test_a_stream_that_slack_ends_is_mended(database):
    """Its message shows all the text at once, and goes on by edits."""
    pauses = [Pause(), Pause()]
    async with slacked(database, says("One ", pauses[0], "two ", pauses[1], "three.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        house.fake.fail("chat.appendStream", error="message_not_in_streaming_state")
        pauses[0].go()
        await pauses[1].reached.wait()
        await house.flow(2)
        pauses[1].go()
        await house.done()
        await whole(house, ts, receipt)


async def test_no_stream_gets_as_old_as_slack_lets_it(database):
    """A long answer rolls over to another message before five minutes are over."""
    words, pauses = ["".join(f"w{n}.{m} " for m in range(20)) for n in range(60)], []
    steps = []
    for each in words:
        pauses.append(Pause())
        steps += [each, pauses[-1]]
    async with slacked(database, says(*steps)) as house:
        ts, receipt = await house.hear()
        for pause in pauses:
            await pause.reached.wait()
            await house.flow(10, step=1.0)
            assert all(message.age < 280 for message in house.acme.streaming)
            pause.go()
        await house.done()
        assert len(house.seen(ts)) >= 3
        await whole(house, ts, receipt)


async def test_a_silent_model_does_not_let_a_stream_expire(database):
    """The stream is ended in time, and what comes later is in the next message."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        await house.flow(290, step=1.0)
        assert not house.acme.streaming
        assert not house.acme.broken
        pause.go()
        await house.done()
        await whole(house, ts, receipt)


async def test_a_reader_who_stops_the_stream_stops_the_model(database):
    """What was said so far stays, and the turn is cancelled."""
    pause, never = Pause(), Pause()
    async with slacked(database, says("One ", pause, "two ", never, "three.")) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        house.acme.press_stop(house.acme.bot_messages(house.dm, ts)[0])
        pause.go()
        await house.done()
        assert (await house.turn(receipt)).status == "cancelled"
        assert house.seen(ts) == ["One two "]
        await whole(house, ts, receipt)


async def test_a_refusal_takes_back_what_was_shown(database):
    """Half an answer that the model itself took back is not left standing."""
    pause = Pause()
    script = [Text("Sure, first "), pause, Done(stop_reason="refusal", usage=None)]
    async with slacked(database, script) as house:
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["Sure, first "])
        pause.go()
        await house.done()
        [shown] = house.seen(ts)
        assert "Sure" not in shown
        await whole(house, ts, receipt)


async def test_a_workspace_that_lets_nobody_edit_gets_the_message_anew(database):
    """The one that can't be completed is taken away."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two.")) as house:
        house.fake.native = False
        house.fake.fail("chat.update", error="edit_window_closed", times=20)
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts) == ["One "])
        pause.go()
        await house.done()
        assert house.seen(ts) == ["One two."]
        await whole(house, ts, receipt)


async def test_blocks_that_are_not_known_are_left_out(database):
    """An app without the agent's features still answers, without thumbs."""
    pause = Pause()
    async with slacked(database, says("One ", pause, "two."), says("three")) as house:
        house.fake.feedback_blocks = False
        ts, receipt = await house.hear()
        await house.until(lambda: house.seen(ts))
        pause.go()
        await house.done()
        await whole(house, ts, receipt)
        other, second = await house.hear("And?")
        await house.done()
        await whole(house, other, second)
        refused = [call for call in house.fake.calls if not call.answer["ok"]]
        assert len(refused) == 1


async def test_a_channel_that_is_gone_fails_the_turn_and_frees_the_session(database):
    """Slack's word for it is in the facts; the answer stays stored."""
    async with slacked(database, says("One")) as house:
        _, receipt = await house.hear()
        house.acme.channels[house.dm].archived = True
        await house.done()
        turn = await house.turn(receipt)
        assert (turn.status, turn.error) == ("failed", "undelivered")
        assert await house.stage.answer(turn.id)


async def test_what_is_live_in_slack_is_not_in_an_answer(database):
    """Nobody is pinged, in a stream or in a post."""
    pause = Pause()
    bad = "Ping <!channel> and <@U1>, <https://evil.example|good>."
    async with slacked(database, says(bad, pause, bad), says(bad)) as house:
        first, _ = await house.hear()
        await house.until(lambda: house.seen(first))
        pause.go()
        await house.done()
        second, _ = await house.hear("And?")
        await house.done()
        for call in house.fake.calls:
            said = str(call.args)
            assert not any(token in said for token in ("<!channel", "<@U1", "<https:"))
        posts = house.fake.called("chat.postMessage")
        assert all(not post.args["unfurl_links"] for post in posts)
        assert second


async def test_a_thread_says_that_somebody_thinks_and_offers_to_stop(database):
    """Until the first words, and again if it takes long; afterwards nothing is in process."""
    pause, more = Pause(), Pause()
    async with slacked(database, says(pause, "One ", more, "two.")) as house:
        ts, _ = await house.hear()
        place = (house.dm, ts)
        await house.until(lambda: house.acme.statuses.get(place))
        assert house.acme.sessions[place] == "processing"
        await house.flow(100, step=1.0)
        assert len(house.fake.called("assistant.threads.setStatus")) == 2
        pause.go()
        await house.until(lambda: house.seen(ts))
        more.go()
        await house.done()
        assert house.acme.sessions[place] == "active"
