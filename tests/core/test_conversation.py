"""A message becomes a turn: stored, answered once, in order, and delivered until done."""

import asyncio

import pytest

from core import (
    arrivals,
    asking,
    conversation,
    deliveries,
    leases,
    outcomes,
    past,
    patience,
    transcript,
    turns,
)
from core.database import DatabaseDown
from core.delivery import LONGEST_WAIT, PATIENT_LONGEST, PATIENT_WAIT, WAITS
from core.errors import Barred, Permanent, Rejected, TooLong, Transient
from core.facts import Accepted, DeliveryRetried, FirstText, TurnBroke, TurnClosed
from core.live import Cursor
from core.text import NOTICES, apology
from core.turns import BLAME_LIMIT, BROKE
from core.types import Answer, Began, Done, Failure, Notice, Status, Text
from tests.core.house import until
from tests.core.stage import (
    IN_DOUBT,
    MODEL,
    PUSH,
    SQLITE,
    TTL,
    Pause,
    Platform,
    Troubled,
    event,
    stage,
)
from tests.fakes.scripted import ASKED, CHARGED, forever, says

REFUSAL = [Began(usage=ASKED), Text("I think"), Done(stop_reason="refusal", usage=CHARGED)]
ACCEPT = conversation._accept  # the message, and what its turn will need
HELLO = ({"type": "text", "text": "Hello"},)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(asking, "COALESCE", 0)


@pytest.fixture(params=["web", PUSH])
def platform(request):
    """A turn whose answer is come for, and one whose answer is brought."""
    return request.param


def broken(*texts, error):
    """A call that says so much and then fails."""
    return [Began(usage=ASKED), *(Text(text) for text in texts), error]


def shown(updates):
    """What a viewer of these updates has before its eyes."""
    text = ""
    for update in updates:
        text = update.text if update.reset else text + update.text
    return text


async def sweep(theatre, times=2):
    """Look for lost turns; the second look is the one that takes them."""
    for _ in range(times):
        await theatre.replica.tick()
        await theatre.done()


# --- from the question to the answer ---


async def test_a_message_is_answered_and_the_answer_is_stored(database, platform):
    """The turn is done, with its model, its tokens and its cost."""
    async with stage(database, says("Hel", "lo"), adapter=Platform()) as theatre:
        turn = await theatre.ask(platform=platform)
        assert (turn.status, turn.model, turn.stop_reason) == ("done", MODEL, "end_turn")
        assert (turn.input_tokens, turn.output_tokens, turn.cost) == (100, 10, 300_000)
        assert await theatre.answer(turn.id) == [*HELLO]


async def test_what_happened_is_told_once(database, platform):
    """One fact for the message, one for the first words, one for the end."""
    async with stage(database, says("Hello"), adapter=Platform()) as theatre:
        turn = await theatre.ask(platform=platform)
        (accepted,) = theatre.told(Accepted)
        (first,) = theatre.told(FirstText)
        (closed,) = theatre.told(TurnClosed)
        assert {accepted.turn_id, first.turn_id, closed.turn_id} == {turn.id}
        assert (closed.status, closed.platform) == (Status.DONE, platform)


@SQLITE
async def test_a_second_question_is_asked_with_the_first_answer(database):
    """The conversation goes on."""
    async with stage(database, says("one"), says("two")) as theatre:
        await theatre.ask("first")
        await theatre.ask("second")
        texts = [message.text for message in theatre.model.prompts[1].messages]
        assert texts == ["first", "one", "second"]


@SQLITE
async def test_a_session_idle_for_longer_than_its_time_to_live_starts_afresh(database):
    """The model is not shown what was said before."""
    async with stage(database, says("one"), says("two"), says("three")) as theatre:
        await theatre.ask("first")
        theatre.clock.advance(TTL)
        await theatre.ask("second")
        theatre.clock.advance(TTL + 1)
        await theatre.ask("third")
        lengths = [len(prompt.messages) for prompt in theatre.model.prompts]
        assert lengths == [1, 3, 1]


@SQLITE
async def test_the_cache_lasts_as_long_as_people_take_to_answer(database):
    """Minutes where they sit before it, an hour on messengers."""
    async with stage(database, says("a"), says("b"), adapter=Platform()) as theatre:
        await theatre.ask(platform="web")
        await theatre.ask(platform=PUSH)
        assert [prompt.cache for prompt in theatre.model.prompts] == ["5m", "1h"]


async def test_a_message_whose_sender_hangs_up_is_answered_all_the_same(database):
    """A request that is cancelled while it stores loses nothing."""
    async with stage(Troubled(database), says("Hello")) as theatre:
        storing = Pause()
        theatre.database.meet(ACCEPT, storing)
        accepting = asyncio.create_task(theatre.say(key="k"))
        await storing.reached.wait()
        accepting.cancel()
        await asyncio.wait({accepting})
        storing.go()
        await until(lambda: theatre.told(TurnClosed))
        again = await theatre.say(key="k")
        assert again.duplicate
        assert (await theatre.turn(again.turn_id)).status == "done"


@SQLITE
async def test_a_stopping_server_takes_no_message(database):
    """The platform is told to come again, and nothing is stored."""
    async with stage(database) as theatre:
        theatre.handler.accepting = False
        with pytest.raises(Transient) as refused:
            await theatre.say()
        assert refused.value.retry_after is not None
        assert theatre.facts == []


@SQLITE
async def test_a_message_that_cannot_be_stored_is_not_acknowledged(database):
    """The platform hears of the error, and nothing runs."""
    async with stage(Troubled(database)) as theatre:
        theatre.database.meet(ACCEPT, DatabaseDown("away"))
        with pytest.raises(DatabaseDown):
            await theatre.say()
        assert theatre.handler.running == frozenset()


# --- messages that meet ---


async def test_what_comes_during_a_turn_is_answered_together_after_it(database, platform):
    """In order, in one turn, and never by a second call at the same time."""
    pause = Pause()
    scripts = [[pause, *says("one")], says("two")]
    async with stage(database, *scripts, adapter=Platform()) as theatre:
        await theatre.say("first", platform=platform)
        await pause.reached.wait()
        for text in ("second", "third", "fourth"):
            await theatre.say(text, platform=platform)
        pause.go()
        await theatre.done()
        assert theatre.asked() == ["first", "second\n\nthird\n\nfourth"]
        assert theatre.model.peak == 1


async def test_whatever_comes_at_once_is_answered_one_after_the_other(database, platform):
    """Forty messages and their copies: none lost, none twice, in the order they were stored."""
    scripts = [says("ok")] * 40
    async with stage(database, *scripts, adapter=Platform()) as theatre:
        events = [event(str(number), platform=platform) for number in range(40)]
        receipts = await asyncio.gather(*(theatre.handler.accept(e) for e in events * 2))
        await theatre.done()
        ids = {event_.text: r.message_id for event_, r in zip(events, receipts, strict=False)}
        answered = [text for asked in theatre.asked() for text in asked.split("\n\n")]
        assert answered == sorted(ids, key=ids.get)
        assert theatre.model.peak == 1


async def test_sessions_do_not_wait_for_each_other(database):
    """Two conversations are answered at the same time."""
    first, second = Pause(), Pause()
    async with stage(database, [first, *says("a")], [second, *says("b")]) as theatre:
        await theatre.say(place="alice")
        await theatre.say(place="bob")
        await first.reached.wait()
        await second.reached.wait()
        assert theatre.model.peak == 2
        first.go()
        second.go()
        await theatre.done()


async def test_a_waiting_message_finds_its_turn(database):
    """`turn_of` comes back once the turn before it is over."""
    pause = Pause()
    async with stage(database, [pause, *says("one")], says("two")) as theatre:
        await theatre.say("first")
        waiting = await theatre.say("second")
        assert waiting.turn_id is None
        finding = asyncio.create_task(theatre.handler.turn_of(waiting))
        pause.go()
        turn_id = await finding
        await theatre.done()
        assert await theatre.answer(turn_id) == [{"type": "text", "text": "two"}]


@SQLITE
async def test_a_message_knows_its_turn_at_once_when_nothing_runs_before_it(database):
    """The receipt says it."""
    async with stage(database, says("one")) as theatre:
        receipt = await theatre.say()
        assert await theatre.handler.turn_of(receipt) == receipt.turn_id
        await theatre.done()


# --- viewers ---


@SQLITE
async def test_who_follows_from_before_the_turn_runs_sees_it_all(database):
    """A turn that is stored but not begun is waited for."""
    async with stage(database, says("Hel", "lo")) as theatre:
        receipt = await database.write(arrivals.accept, event(), owner="a", now=0, stale_before=-1)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await until(lambda: theatre.live._news)
        theatre.handler.start(receipt.turn)
        updates = await watching
        assert updates[0].started
        assert (shown(updates), updates[-1].outcome.status) == ("Hello", Status.DONE)


@SQLITE
async def test_who_follows_during_the_turn_sees_the_words_as_they_come(database):
    """What was said before, then the rest."""
    pause = Pause()
    script = [Began(usage=ASKED), Text("Hel"), pause, Text("lo"), Done(stop_reason="x", usage=None)]
    async with stage(database, script) as theatre:
        receipt = await theatre.say()
        await pause.reached.wait()
        following = theatre.handler.follow(receipt.turn_id)
        updates = [await anext(following), await anext(following)]
        assert shown(updates) == "Hel"
        pause.go()
        updates += [update async for update in following]
        assert shown(updates) == "Hello"


async def test_who_follows_after_the_turn_sees_the_stored_answer(database, platform):
    """The same text, and the same outcome as those who were there."""
    pause = Pause()
    async with stage(database, [pause, *says("Hel", "lo")], adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        pause.go()
        live = await watching
        await theatre.done()
        stored = await theatre.watch(receipt.turn_id)
        assert shown(stored) == shown(live) == "Hello"
        assert stored[-1].outcome == live[-1].outcome


@SQLITE
async def test_who_comes_back_to_a_turn_that_is_over_gets_the_rest(database):
    """By the cursor of what it saw while the turn ran."""
    async with stage(database, says("Hello")) as theatre:
        turn = await theatre.ask()
        updates = await theatre.watch(turn.id, Cursor(attempt=1, position=2))
        assert (shown(updates), len(updates)) == ("llo", 1)


async def test_who_watches_a_turn_that_breaks_sees_its_next_attempt_from_the_start(database):
    """The words of the broken attempt are taken back."""
    scripts = [broken("Wrong", error=RuntimeError("a bug")), says("Right")]
    pause = Pause()
    scripts[0].insert(2, pause)
    async with stage(database, *scripts) as theatre:
        receipt = await theatre.say()
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        pause.go()
        await theatre.done()
        await sweep(theatre)
        updates = await watching
        assert any(update.text == "Wrong" for update in updates)
        assert shown(updates) == "Right"


@SQLITE
async def test_a_viewer_that_leaves_ends_nothing(database):
    """The turn does not live in the request of who watches it."""
    pause = Pause()
    async with stage(database, [pause, *says("Hello")]) as theatre:
        receipt = await theatre.say()
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        watching.cancel()
        await asyncio.wait({watching})
        pause.go()
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).status == "done"


# --- stop ---


async def test_stop_keeps_what_was_said(database, platform):
    """The partial answer is stored, shown, delivered and remembered; the turn is cancelled."""
    pause, adapter = Pause(), Platform()
    scripts = [[*broken("Hel", error=pause), Text("lo")], says("More")]
    async with stage(database, *scripts, adapter=adapter) as theatre:
        receipt = await theatre.say(platform=platform)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        updates = await watching
        assert (shown(updates), updates[-1].outcome.status) == ("Hel", Status.CANCELLED)
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert await theatre.answer(receipt.turn_id) == [{"type": "text", "text": "Hel"}]
        assert adapter.taken == (["Hel"] if platform == PUSH else [])
        assert (theatre.model.running, theatre.asker._stopped) == ([], set())


async def test_who_comes_after_a_stop_is_told_the_same_as_who_was_there(database, platform):
    """The outcome of a stopped turn reads the same from memory and from the database."""
    pause = Pause()
    async with stage(database, broken("Hel", error=pause), adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        live, stored = await watching, await theatre.watch(receipt.turn_id)
        assert stored[-1].outcome == live[-1].outcome


async def test_stop_before_the_first_word_leaves_no_answer(database, platform):
    """The turn is cancelled with nothing said, and the session is free."""
    pause = Pause()
    async with stage(database, [pause], says("Hello"), adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert await theatre.answer(receipt.turn_id) is None
        assert (await theatre.ask(platform=platform)).status == "done"


async def test_stop_before_the_model_is_asked_asks_no_model(database, platform):
    """Whoever is quick enough pays for nothing."""
    async with stage(Troubled(database), adapter=Platform()) as theatre:
        reading = Pause()
        theatre.database.meet(past.read, reading)
        receipt = await database.write(
            arrivals.accept, event(platform=platform), owner="a", now=0, stale_before=-1
        )
        theatre.handler.start(receipt.turn)
        await reading.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        reading.go()
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert theatre.model.calls == []


async def test_stop_while_the_answer_is_stored_comes_too_late(database, platform):
    """The whole answer stands, and the turn is done."""
    async with stage(Troubled(database), says("Hello"), adapter=Platform()) as theatre:
        storing = Pause()
        theatre.database.meet(turns.close if platform == "web" else turns.finish, storing)
        receipt = await theatre.say(platform=platform)
        await storing.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        storing.go()
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).status == "done"
        assert await theatre.answer(receipt.turn_id) == [*HELLO]


@SQLITE
@pytest.mark.parametrize("turns_of_the_loop", range(0, 40, 3))
async def test_stop_at_any_moment_ends_the_turn_one_way_or_the_other(database, turns_of_the_loop):
    """What viewers saw is what is stored, and the status says which."""
    async with stage(database, says("a", "b", "c")) as theatre:
        receipt = await theatre.say()
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await until(lambda: theatre.model.calls)
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        turn, text = await theatre.turn(receipt.turn_id), shown(await watching)
        parts = await theatre.answer(turn.id)
        assert text == (parts[0]["text"] if parts else "")
        assert turn.status in ("cancelled", "done")
        assert text == "abc" or turn.status == "cancelled"


@SQLITE
async def test_stop_may_be_said_again_and_again(database):
    """The second stop of a turn does nothing, also while the first is at work."""
    pause = Pause()
    async with stage(database, broken("Hel", error=pause), says("Hello")) as theatre:
        receipt = await theatre.say()
        await pause.reached.wait()
        for _ in range(3):
            await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        await theatre.handler.stop(receipt.turn_id)
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert (await theatre.ask()).status == "done"


@SQLITE
async def test_stop_ends_one_turn_alone(database):
    """What waited behind it is answered, by a task that nobody is cancelling any more."""
    pause, cancels = Pause(), []

    async def look():
        cancels.append(asyncio.current_task().cancelling())

    async with stage(database, broken("Hel", error=pause), [look, *says("Hello")]) as theatre:
        first = await theatre.say("first")
        await pause.reached.wait()
        second = await theatre.say("second")
        await theatre.handler.stop(first.turn_id)
        await theatre.done()
        turn = await theatre.turn(await theatre.handler.turn_of(second))
        assert (turn.status, await theatre.answer(turn.id)) == ("done", [*HELLO])
        assert cancels == [0]


@SQLITE
async def test_a_stop_that_comes_after_the_end_is_forgotten(database):
    """Nothing is kept for turns that are over, however many are stopped too late."""
    async with stage(database, says("Hello")) as theatre:
        turn = await theatre.ask()
        await theatre.handler.stop(turn.id)
        assert theatre.asker._stopped == set()


async def test_the_tokens_of_a_stopped_answer_are_counted(database, platform):
    """What the model charged until then is stored with the turn."""
    pause = Pause()
    async with stage(database, broken("Hel", error=pause), adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).input_tokens == ASKED.input


async def test_a_stopped_answer_that_another_process_delivers_is_still_cancelled(database):
    """A crash between storing and delivering does not turn a stopped turn into a done one."""
    async with stage(database, adapter=Platform()) as theatre:
        receipt = await database.write(
            arrivals.accept, event(platform=PUSH), owner="dead", now=0, stale_before=-1
        )
        partial = Answer(status=Status.CANCELLED, parts=({"type": "text", "text": "Hel"},))
        await database.write(turns.finish, receipt.turn, partial, now=0)
        await sweep(theatre, times=1)
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"


# --- reset ---


@SQLITE
async def test_reset_stops_the_running_turn_and_starts_afresh(database):
    """The next question is asked without anything that was said before."""
    pause = Pause()
    async with stage(database, broken("Hel", error=pause), says("Hello")) as theatre:
        receipt = await theatre.say("old")
        await pause.reached.wait()
        assert await theatre.handler.reset(event().address)
        await theatre.done()
        await theatre.ask("new")
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert [message.text for message in theatre.model.prompts[1].messages] == ["new"]


async def test_what_waits_when_a_conversation_is_cleared_sees_nothing_of_it(database):
    """However long the clearing takes: the answer before it is not stopped sooner."""
    pause, troubled = Pause(), Troubled(database)

    async def slowly():
        for _ in range(300):
            await asyncio.sleep(0)

    async with stage(troubled, [pause, *says("a")], says("b")) as theatre:
        troubled.meet(transcript.reset, slowly)
        await theatre.say("secret")
        await pause.reached.wait()
        await theatre.say("two")
        await theatre.handler.reset(event().address)
        await theatre.done()
        assert [message.text for message in theatre.model.prompts[-1].messages] == ["two"]


@SQLITE
async def test_there_is_nothing_to_reset_where_nobody_wrote(database):
    """An address that was never heard of."""
    async with stage(database) as theatre:
        assert not await theatre.handler.reset(event(place="nobody").address)


# --- models that fail ---


async def test_without_a_model_the_turn_fails_with_an_apology_and_the_message_stays(database):
    """The person is told the number; the next turn is asked with the message."""
    adapter = Platform()
    scripts = [broken(error=Transient("away")), says("Hello")]
    async with stage(database, *scripts, adapter=adapter) as theatre:
        turn = await theatre.ask("first", platform=PUSH)
        assert (turn.status, turn.error) == ("failed", Failure.UNAVAILABLE)
        assert adapter.taken == [apology(turn.id)]
        await theatre.ask("second", platform=PUSH)
        assert theatre.asked()[-1] == "first\n\nsecond"


@SQLITE
async def test_viewers_of_a_failed_turn_see_that_it_failed(database):
    """No text, and why; the same later on."""
    async with stage(database, broken(error=Transient("away"))) as theatre:
        receipt = await theatre.say()
        live = await theatre.watch(receipt.turn_id)
        stored = await theatre.watch(receipt.turn_id)
        for updates in (live, stored):
            assert (shown(updates), updates[-1].outcome.error) == ("", Failure.UNAVAILABLE)
        assert stored[-1].outcome == live[-1].outcome


async def test_a_rejected_question_fails_and_is_not_asked_again(database, platform):
    """Every model would refuse it, in every later turn as well."""
    scripts = [broken(error=Rejected("no")), says("Hello")]
    async with stage(database, *scripts, adapter=Platform()) as theatre:
        turn = await theatre.ask("bad", platform=platform)
        assert (turn.status, turn.error) == ("failed", Failure.REJECTED)
        await theatre.ask("good", platform=platform)
        assert theatre.asked()[-1] == "good"


async def test_a_rejected_question_is_not_asked_again_if_its_apology_never_arrived(database):
    """That the platform would not take it does not make the question better."""
    scripts = [broken(error=Rejected("no")), says("Hello")]
    async with stage(database, *scripts, adapter=Platform(Permanent("gone"))) as theatre:
        turn = await theatre.ask("bad", platform=PUSH)
        assert turn.status == "failed"
        await theatre.ask("good", platform=PUSH)
        assert theatre.asked()[-1] == "good"


async def test_a_prompt_that_is_too_long_is_asked_once_more_and_shorter(database, platform):
    """The question with almost no history, once."""
    scripts = [says("one"), says("two"), broken(error=TooLong("long")), says("Hello")]
    async with stage(database, *scripts, adapter=Platform()) as theatre:
        for text in ("first", "second", "third"):
            turn = await theatre.ask(text, platform=platform)
        lengths = [len(prompt.messages) for prompt in theatre.model.prompts]
        assert (turn.status, lengths) == ("done", [1, 3, 5, 3])


async def test_a_message_that_is_too_long_alone_fails_as_rejected(database, platform):
    """There is nothing to take away from it, so it is not tried again."""
    async with stage(database, broken(error=TooLong("long")), adapter=Platform()) as theatre:
        turn = await theatre.ask(platform=platform)
        assert theatre.told(TurnBroke) == []
        assert (turn.status, turn.error) == ("failed", Failure.REJECTED)


@pytest.mark.parametrize(
    ("second", "failure"),
    [
        (TooLong("still"), Failure.REJECTED),
        (Rejected("no"), Failure.REJECTED),
        (Transient("away"), Failure.UNAVAILABLE),
    ],
    ids=str,
)
async def test_what_fails_when_it_was_shortened_fails_by_its_name(database, second, failure):
    """The second call's error counts as the first one's would."""
    scripts = [says("one"), broken(error=TooLong("long")), broken(error=second)]
    async with stage(database, *scripts) as theatre:
        await theatre.ask("first")
        turn = await theatre.ask("second")
        assert theatre.told(TurnBroke) == []
        assert (turn.status, turn.error) == ("failed", failure)


async def test_a_refusal_takes_back_what_was_said_and_is_not_remembered(database, platform):
    """Readers see the notice in place of the words, and the model never hears of it."""
    adapter, pause = Platform(), Pause()
    scripts = [[*REFUSAL[:2], pause, REFUSAL[2]], says("Hello")]
    async with stage(database, *scripts, adapter=adapter) as theatre:
        receipt = await theatre.say("bad", platform=platform)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        pause.go()
        await theatre.done()
        updates = await watching
        assert shown(updates) == NOTICES[Notice.REFUSED]
        assert any(update.reset for update in updates)
        stored = await theatre.answer(receipt.turn_id)
        assert stored == [{"type": "notice", "notice": "refused"}]
        await theatre.ask("good", platform=platform)
        assert theatre.asked()[-1] == "good"


@SQLITE
async def test_who_was_cut_before_a_refusal_does_not_mix_the_words(database):
    """A viewer of the partial that comes back after the end sees the notice alone."""
    pause = Pause()
    async with stage(database, [*REFUSAL[:2], pause, REFUSAL[2]]) as theatre:
        receipt = await theatre.say()
        await pause.reached.wait()
        following = theatre.handler.follow(receipt.turn_id)
        seen = [await anext(following), await anext(following)]
        await following.aclose()
        pause.go()
        await theatre.done()
        rest = await theatre.watch(receipt.turn_id, seen[-1].cursor)
        assert shown(seen) == "I think"
        assert shown([*seen, *rest]) == NOTICES[Notice.REFUSED]


@pytest.mark.parametrize(
    ("script", "notice"),
    [
        (broken("Half", error=Transient("cut")), Notice.INTERRUPTED),
        (says("Half", stop_reason="max_tokens"), Notice.TRUNCATED),
        (REFUSAL, Notice.REFUSED),
    ],
    ids=["interrupted", "truncated", "refused"],
)
async def test_what_viewers_saw_is_what_is_stored(database, platform, script, notice):
    """An answer with a notice reads the same while it comes and ever after."""
    adapter, pause = Platform(), Pause()
    async with stage(database, [pause, *script], adapter=adapter) as theatre:
        receipt = await theatre.say(platform=platform)
        watching = asyncio.create_task(theatre.watch(receipt.turn_id))
        await pause.reached.wait()
        pause.go()
        await theatre.done()
        live, stored = shown(await watching), shown(await theatre.watch(receipt.turn_id))
        assert live == stored
        assert live.endswith(NOTICES[notice])
        assert (await theatre.turn(receipt.turn_id)).status == "done"


async def test_a_delivery_offered_again_after_a_refusal_has_the_notice_alone(database):
    """What the model took back is not in what the platform is offered at last."""
    adapter = Platform(Transient("busy"))
    async with stage(database, REFUSAL, adapter=adapter) as theatre:
        await theatre.ask(platform=PUSH)
        assert adapter.taken == [NOTICES[Notice.REFUSED]]


# --- attempts that break ---


async def test_an_error_that_nobody_foresaw_is_told_and_the_turn_is_tried_again(database, platform):
    """The sweep takes the turn up, and its next attempt answers it."""
    scripts = [broken(error=RuntimeError("a bug")), says("Hello")]
    async with stage(database, *scripts, adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        await theatre.done()
        (broke,) = theatre.told(TurnBroke)
        assert (broke.turn_id, str(broke.error)) == (receipt.turn_id, "a bug")
        await sweep(theatre)
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.attempt, turn.blame) == ("done", 2, BROKE)


async def test_after_its_third_broken_attempt_a_turn_fails(database, platform):
    """What breaks in the same way each time is given up, with an apology."""
    adapter = Platform()
    scripts = [broken(error=RuntimeError("a bug"))] * 3
    async with stage(database, *scripts, adapter=adapter) as theatre:
        receipt = await theatre.say(platform=platform)
        await theatre.done()
        await sweep(theatre, times=8)
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.error) == ("failed", Failure.CRASHED)
        assert theatre.model.calls == [MODEL] * 3
        assert adapter.taken == ([apology(turn.id)] if platform == PUSH else [])


async def test_after_too_many_deaths_a_turn_fails_and_no_model_is_asked(database, platform):
    """A turn that kills who answers it is given up, with an apology."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        receipt = await database.write(
            arrivals.accept, event(platform=platform), owner="dead 0", now=0, stale_before=-1
        )
        for number in range(1, BLAME_LIMIT):
            await database.write(leases.recover, f"dead {number}", single=False, dead_ms=0, lost=())
        await sweep(theatre, times=1)
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.error, turn.blame) == ("failed", Failure.CRASHED, BLAME_LIMIT)
        assert theatre.model.calls == []
        assert adapter.taken == ([apology(turn.id)] if platform == PUSH else [])


async def test_after_two_crashes_a_turn_is_still_answered(database):
    """The third attempt is an attempt."""
    async with stage(database, says("Hello")) as theatre:
        receipt = await database.write(
            arrivals.accept, event(), owner="dead 0", now=0, stale_before=-1
        )
        await database.write(leases.recover, "dead 1", single=False, dead_ms=0, lost=())
        await sweep(theatre, times=1)
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.blame) == ("done", 2)


async def test_a_platform_that_breaks_every_attempt_does_not_hold_its_session_for_ever(database):
    """After three broken attempts to deliver, the turn is closed and the next one runs."""

    class Broken:
        async def deliver(self, *_):
            raise RuntimeError("a bug in the adapter")

    async with stage(database, says("Hello"), says("More"), adapter=Broken()) as theatre:
        receipt = await theatre.say(platform=PUSH)
        await theatre.done()
        await sweep(theatre, times=4 * BLAME_LIMIT)
        turn = await theatre.turn(receipt.turn_id)
        assert turn.status == "failed"
        assert await theatre.answer(turn.id) == [*HELLO]


async def test_an_answered_turn_of_a_dead_replica_is_delivered_and_not_asked_again(database):
    """The stored text goes out, with what was noted of the delivery."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        receipt = await database.write(
            arrivals.accept, event(platform=PUSH), owner="dead", now=0, stale_before=-1
        )
        await database.write(deliveries.checkpoint, receipt.turn, 0, "begun", sent_at=None)
        answer = Answer(status=Status.DONE, parts=HELLO)
        await database.write(turns.finish, receipt.turn, answer, now=0)
        await sweep(theatre, times=1)
        assert (adapter.taken, adapter.known) == (["Hello"], [{0: "begun"}])
        assert theatre.model.calls == []
        assert (await theatre.turn(receipt.turn_id)).status == "done"


async def test_a_failed_turn_of_a_dead_replica_is_delivered_as_its_apology(database):
    """The failure is stored before it is told, like an answer."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        receipt = await database.write(
            arrivals.accept, event(platform=PUSH), owner="dead", now=0, stale_before=-1
        )
        failed = Answer(status=Status.FAILED, error=Failure.UNAVAILABLE)
        await database.write(turns.finish, receipt.turn, failed, now=0)
        await sweep(theatre, times=1)
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.error) == ("failed", Failure.UNAVAILABLE)
        assert adapter.taken == [apology(turn.id)]


async def test_viewers_of_a_taken_over_answer_are_told_its_message(database):
    """The outcome is the same whoever delivers it."""
    pause = Pause()
    async with stage(database, adapter=Platform(pause)) as theatre:
        receipt = await database.write(
            arrivals.accept, event(platform=PUSH), owner="dead", now=0, stale_before=-1
        )
        answer = Answer(status=Status.DONE, parts=HELLO)
        message_id = await database.write(turns.finish, receipt.turn, answer, now=0)
        await theatre.replica.tick()
        await pause.reached.wait()
        updates = await theatre.watch(receipt.turn_id)
        pause.go()
        await theatre.done()
        assert (shown(updates), updates[-1].outcome.message_id) == ("Hello", message_id)


# --- a database that is away ---


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("trouble", [DatabaseDown("away"), IN_DOUBT], ids=["away", "in doubt"])
async def test_an_answer_outlives_an_absence_of_the_database(database, platform, trouble, times):
    """However the writes fail, the answer is stored once and the model asked once."""
    async with stage(Troubled(database), says("Hello"), adapter=Platform()) as theatre:
        for write in (turns.close, turns.finish, turns.settle):
            theatre.database.meet(write, *[trouble] * times)
        turn = await theatre.ask(platform=platform)
        assert (turn.status, turn.attempt) == ("done", 1)
        assert await theatre.answer(turn.id) == [*HELLO]
        assert theatre.model.calls == [MODEL]


async def test_a_database_that_is_away_too_long_costs_the_attempt_and_not_the_turn(database):
    """The turn is taken up again once the database is back."""
    away = [DatabaseDown("away")] * (len(patience.WAITS) + 1)
    async with stage(Troubled(database), says("Hello"), says("Hello")) as theatre:
        theatre.database.meet(turns.close, *away)
        receipt = await theatre.say()
        await theatre.done()
        assert len(theatre.told(TurnBroke)) == 1
        await sweep(theatre)
        assert (await theatre.turn(receipt.turn_id)).status == "done"


async def test_after_a_commit_in_doubt_what_waited_is_answered(database, platform):
    """The turn that the doubtful commit opened is gone on with at once, and counts no crash."""
    pause = Pause()
    scripts = [[pause, *says("one")], says("two")]
    async with stage(Troubled(database), *scripts, adapter=Platform()) as theatre:
        theatre.database.meet(turns.settle if platform == PUSH else turns.close, IN_DOUBT)
        await theatre.say("first", platform=platform)
        await pause.reached.wait()
        waiting = await theatre.say("second", platform=platform)
        pause.go()
        await theatre.done()
        turn = await theatre.turn(await theatre.handler.turn_of(waiting))
        assert (turn.status, turn.blame) == ("done", 0)


async def test_a_message_that_comes_while_a_commit_is_in_doubt_is_answered_once(database, platform):
    """It opens a turn of its own, which the former turn's owner does not begin a second time."""
    again, second = Pause(), Pause()
    scripts = [says("one"), [second, *says("two")], says("three")]
    async with stage(Troubled(database), *scripts, adapter=Platform()) as theatre:
        theatre.database.meet(turns.settle if platform == PUSH else turns.close, IN_DOUBT, again)
        await theatre.say("first", platform=platform)
        await again.reached.wait()
        receipt = await theatre.say("second", platform=platform)
        await second.reached.wait()
        again.go()
        for _ in range(50):
            await theatre.turn(receipt.turn_id)  # so that whatever is to begin begins
        second.go()
        await theatre.done()
        assert (theatre.asked(), theatre.model.peak) == (["first", "second"], 1)


async def test_a_question_that_cannot_be_read_is_tried_again(database):
    """The attempt breaks before the model is asked, and the turn is taken up again."""
    async with stage(Troubled(database), says("Hello")) as theatre:
        theatre.database.meet(past.read, DatabaseDown("away"))
        receipt = await database.write(arrivals.accept, event(), owner="a", now=0, stale_before=-1)
        theatre.handler.start(receipt.turn)
        await theatre.done()
        await sweep(theatre)
        assert (await theatre.turn(receipt.turn_id)).status == "done"


# --- adapters ---


async def test_an_answer_is_stored_before_its_text_ends(database):
    """Once the adapter has all, no crash can make the model say something else."""
    found = []

    class Curious(Platform):
        async def deliver(self, delivery, draft):
            await super().deliver(delivery, draft)
            found.append(await theatre.turn(delivery.turn_id))
            found.append(await theatre.answer(delivery.turn_id))

    async with stage(database, says("Hello"), adapter=Curious()) as theatre:
        await theatre.ask(platform=PUSH)
        assert (found[0].status, found[0].closed_at, found[1]) == ("answered", None, [*HELLO])


async def test_an_answer_is_brought_while_it_grows(database):
    """The adapter has the first words while the model still talks."""
    pause, seen = Pause(), []

    class Streaming:
        async def deliver(self, _, draft):
            while not draft.final:
                await draft.more(len("".join(seen)), draft.take)
                seen.append(draft.text[len("".join(seen)) :])
                pause.go()

    script = [Text("Hel"), pause, Text("lo"), Done(stop_reason="end_turn", usage=None)]
    async with stage(database, script, adapter=Streaming()) as theatre:
        assert (await theatre.ask(platform=PUSH)).status == "done"
        assert [piece for piece in seen if piece] == ["Hel", "lo"]


@pytest.mark.parametrize("failures", [1, 3])
async def test_a_platform_that_is_busy_is_offered_the_same_again(database, failures):
    """The same text, with what was noted before; taken once, and asked of the model once."""
    adapter = Platform(*[Transient("busy")] * failures)
    async with stage(database, says("Hel", "lo"), adapter=adapter) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert adapter.offered == ["Hello"] * (failures + 1)
        begun = [{0: f"begun {number}"} for number in range(1, failures + 1)]
        assert adapter.known == [{}, *begun]
        assert (adapter.taken, turn.status) == (["Hello"], "done")
        assert theatre.model.calls == [MODEL]


@SQLITE
async def test_the_waits_between_offers_grow_unless_the_platform_names_one(database):
    """Its own wish is followed, within reason."""
    faults = [Transient(), Transient(retry_after=7), Transient(retry_after=9999), Transient()]
    async with stage(database, says("Hello"), adapter=Platform(*faults)) as theatre:
        await theatre.ask(platform=PUSH)
        waits = [fact.seconds for fact in theatre.told(DeliveryRetried)]
        assert waits == [WAITS[0], 7, LONGEST_WAIT, WAITS[3]]


@pytest.mark.parametrize(
    "faults", [[Permanent("gone")], [Transient("busy")] * (len(WAITS) + 1)], ids=["gone", "busy"]
)
async def test_a_platform_that_never_takes_the_answer_fails_the_turn(database, faults):
    """The answer stays stored, the turn says why, and the session is free."""
    adapter = Platform(*faults)
    async with stage(database, says("Hello"), says("More"), adapter=adapter) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert (turn.status, turn.error) == ("failed", Failure.UNDELIVERED)
        assert await theatre.answer(turn.id) == [*HELLO]
        assert len(adapter.offered) == len(faults)
        assert (await theatre.ask(platform=PUSH)).status == "done"


async def test_an_answer_outlasts_what_its_operator_has_to_mend(database):
    """It is offered every minute for hours, and then is there once."""
    adapter = Platform(*[Barred("no token")] * 300)
    async with stage(database, says("Hello"), adapter=adapter) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert turn.status == "done"
        assert adapter.taken == ["Hello"]
        told = {(fact.seconds, fact.error) for fact in theatre.told(DeliveryRetried)}
        assert told == {(PATIENT_WAIT, "no token")}


async def test_an_answer_does_not_wait_for_its_operator_for_ever(database):
    """After a day the session is free."""
    adapter = Platform(*[Barred("no token")] * (2 * PATIENT_LONGEST // PATIENT_WAIT))
    async with stage(database, says("Hello"), adapter=adapter) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert (turn.status, turn.error) == ("failed", Failure.UNDELIVERED)
        assert len(adapter.offered) == PATIENT_LONGEST // PATIENT_WAIT + 1


async def test_a_platform_that_refuses_before_the_end_still_gets_its_answer_stored(database):
    """The model is not interrupted, and people can read the answer elsewhere."""

    class Closed:
        async def deliver(self, *_):
            raise Permanent("gone")

    async with stage(database, says("Hel", "lo"), adapter=Closed()) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert (turn.error, await theatre.answer(turn.id)) == (Failure.UNDELIVERED, [*HELLO])


async def test_a_part_that_was_sent_is_not_sent_again_if_noting_it_meets_trouble(database):
    """The database is away for a moment, right after the platform took the part."""

    class Counting:
        sends = 0

        async def deliver(self, delivery, draft):
            await draft.end()
            whole = draft.text
            if 0 not in delivery.sent:
                self.sends += len(whole) > 0
                await delivery.checkpoint(0, "sent")

    async with stage(Troubled(database), says("Hello"), adapter=Counting()) as theatre:
        theatre.database.meet(deliveries.checkpoint, DatabaseDown("away"))
        turn = await theatre.ask(platform=PUSH)
        assert turn.status == "done"
        assert theatre.handler._worker._adapters[PUSH].sends == 1


async def test_no_adapter_is_at_work_once_its_turns_are_abandoned(database):
    """Whoever takes the turn over is alone with the platform."""
    begun, working = asyncio.Event(), []

    class Careful:
        async def deliver(self, *_):
            working.append("deliver")
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(10):  # such as closing a stream
                    await asyncio.sleep(0)
                working.clear()

    pause = Pause()
    async with stage(database, [pause], adapter=Careful()) as theatre:
        await theatre.say(platform=PUSH)
        await begun.wait()
        await pause.reached.wait()
        await theatre.handler.abandon()
        assert working == []


@SQLITE
async def test_a_turn_that_begins_while_others_are_abandoned_is_known_to_run(database):
    """Or it would be taken for lost, and be answered twice at once."""
    begun, closing, talking = asyncio.Event(), Pause(), Pause()

    class Slow:
        async def deliver(self, *_):
            begun.set()
            try:
                await forever()
            finally:
                await closing()

    async with stage(database, [forever], [talking, *says("Hello")], adapter=Slow()) as theatre:
        await theatre.say(platform=PUSH)
        await until(lambda: theatre.model.calls)
        await begun.wait()
        abandoning = asyncio.create_task(theatre.handler.abandon())
        await closing.reached.wait()
        receipt = await theatre.say()
        await talking.reached.wait()
        closing.go()
        await abandoning
        assert theatre.handler.running == {receipt.turn_id}
        talking.go()
        await theatre.done()


async def test_an_abandoned_turn_is_left_as_it_is(database, platform):
    """Nothing is stored, and who owns it next asks again."""
    pause = Pause()
    async with stage(database, broken("Hel", error=pause), adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=platform)
        await pause.reached.wait()
        await theatre.handler.abandon()
        assert (await theatre.turn(receipt.turn_id)).status == "running"
        assert await theatre.answer(receipt.turn_id) is None
        assert await database.read(outcomes.ended, receipt.turn_id) is None
        assert (theatre.handler.running, len(theatre.live)) == (frozenset(), 0)
        assert theatre.model.running == []
