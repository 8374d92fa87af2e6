"""An answer anew: what it replaces, what it keeps, and what may happen meanwhile."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import select, update

from core import again as module
from core import arrivals, leases, outcomes, transcript, turns
from core.again import Busy, again
from core.database import Contended
from core.errors import NotFound
from core.tables import messages, sessions
from core.types import Answer, Failure, PromptMessage, Status
from tests.core.stage import POSTGRESQL, Pause, event, eventually
from tests.core.test_context import build
from tests.core.test_turns import _waits_or_is_done, close, paced, recover, row

FAILED = Answer(status=Status.FAILED, error=Failure.REJECTED)


def told(words, *, key=None, place="alice", **changes):
    """A message, with what else its client may say."""
    return replace(event(words, key=key, place=place), **changes)


async def accept(database, words, **options):
    """Accept a new message."""
    said = told(words, **options)
    return await database.write(arrivals.accept, said, owner="a", now=0, stale_before=-1)


async def anew(database, receipt, turn_id=None, *, said=None, owner="a", now=0):
    """Have a receipt's turn (or another of its session) answered anew."""
    return await database.write(
        again, receipt.session_id, turn_id or receipt.turn_id, event=said, owner=owner, now=now
    )


async def exchange(database, text, **options):
    """One question and its answer, `re: …`."""
    receipt = await accept(database, text, **options)
    await reply(database, receipt, f"re: {text}")
    return receipt


async def reply(database, receipt, text):
    answer = Answer(status=Status.DONE, parts=({"type": "text", "text": text},))
    return await close(database, receipt.turn, answer)


async def shown(database, session_id):
    """What people see."""
    found = await database.read(transcript.conversation, session_id, before=None, limit=100)
    return [message.parts[-1]["text"] for message, _ in found]


async def known(database, turn):
    """What the model is shown in a turn."""
    spoken = await database.read(transcript.spoken, turn.session_id, turn_id=turn.id)
    prompt = build(spoken, turn_id=turn.id, system="", cache="5m").prompt
    return [message.text for message in prompt.messages]


async def test_the_last_answer_is_given_anew(database):
    """The question is asked again as it was, and the old answer is shown to nobody any more."""
    first = await exchange(database, "one")
    second = await exchange(database, "two")
    replaced = await anew(database, second)
    assert (replaced.message_id, replaced.duplicate) == (second.message_id, False)
    assert replaced.turn.status == Status.RUNNING
    assert await known(database, replaced.turn) == ["one", "re: one", "two"]
    await reply(database, replaced, "better")
    assert await shown(database, first.session_id) == ["one", "re: one", "two", "better"]


async def test_all_that_came_after_it_is_replaced_too(database):
    """A conversation goes on from where it was taken up again."""
    first, _, _ = [await exchange(database, text) for text in ("one", "two", "three")]
    replaced = await anew(database, first)
    assert await known(database, replaced.turn) == ["one"]
    await reply(database, replaced, "better")
    assert await shown(database, first.session_id) == ["one", "better"]
    following = await accept(database, "four")
    assert await known(database, following.turn) == ["one", "better", "four"]


async def test_a_message_is_said_in_another_ones_place(database):
    """Edited: the new words are asked, the old ones and their answer are gone from sight."""
    await exchange(database, "one")
    second = await exchange(database, "tow")
    edited = await anew(database, second, said=event("two"))
    assert edited.message_id != second.message_id
    assert await known(database, edited.turn) == ["one", "re: one", "two"]
    await reply(database, edited, "better")
    assert await shown(database, second.session_id) == ["one", "re: one", "two", "better"]


async def test_doing_it_twice_is_doing_it_once(database):
    """A turn that was replaced leads to what replaced it, however often that was replaced."""
    first = await exchange(database, "one")
    joined, newest = [], first.turn_id
    for _ in range(3):
        replaced = await anew(database, first, newest)
        joined.append(await anew(database, first))
        newest = replaced.turn_id
        assert (joined[-1].turn_id, joined[-1].duplicate, joined[-1].turn) == (newest, True, None)
        await reply(database, replaced, "better")
    assert joined[-1].message_id == first.message_id
    assert await shown(database, first.session_id) == ["one", "better"]


async def test_a_later_turn_that_was_replaced_leads_there_too(database):
    """Whoever wants it anew, while another goes back further, joins that one."""
    first, second = [await exchange(database, text) for text in ("one", "two")]
    replaced = await anew(database, first)
    assert (await anew(database, second)).turn_id == replaced.turn_id


async def test_an_edit_sent_twice_is_stored_once(database):
    """By its message's identity, as every message; while it runs, and after."""
    first = await exchange(database, "one")
    said = event("won")
    edited = await anew(database, first, said=said)
    for _ in range(2):
        repeated = await anew(database, first, said=said)
        assert (repeated.turn_id, repeated.duplicate) == (edited.turn_id, True)
        assert repeated.message_id == edited.message_id
        if not await database.read(outcomes.ended, edited.turn_id):
            await reply(database, edited, "better")
    assert await shown(database, first.session_id) == ["won", "better"]


async def test_what_was_replaced_can_be_edited(database):
    """Two pages show the same old message: the later edit replaces the earlier one."""
    first = await exchange(database, "one")
    await reply(database, await anew(database, first, said=event("two")), "re: two")
    await reply(database, await anew(database, first, said=event("three")), "re: three")
    assert await shown(database, first.session_id) == ["three", "re: three"]


async def test_a_failed_turn_is_tried_again(database):
    """What no model would answer is answered by the new turn, if one will now."""
    first = await accept(database, "one")
    await close(database, first.turn, FAILED)
    replaced = await anew(database, first)
    assert await known(database, replaced.turn) == ["one"]
    await reply(database, replaced, "after all")
    assert await shown(database, first.session_id) == ["one", "after all"]


async def test_several_messages_of_one_turn_stay_together(database):
    """They were asked as one, and are again."""
    first = await accept(database, "one")
    waiting = [await accept(database, text) for text in ("two", "three")]
    following = await close(database, first.turn)
    await close(database, following.turn)
    replaced = await anew(database, first, following.turn.id)
    assert replaced.message_id == waiting[0].message_id
    assert await known(database, replaced.turn) == ["one", "Hello", "two\n\nthree"]


async def test_nothing_is_replaced_while_a_turn_runs(database):
    """`Busy`, and nothing has changed: not what is shown, and not what waits."""
    first = await exchange(database, "one")
    running = await accept(database, "two")
    await accept(database, "three")
    for said in (None, event("won")):
        with pytest.raises(Busy):
            await anew(database, first, said=said)
    assert await shown(database, first.session_id) == ["one", "re: one", "two", "three"]
    assert (await close(database, running.turn)).message_ids


async def test_what_is_not_in_the_conversation_can_not_be_had_anew(database):
    """Another session's turn, none at all, one before a reset, and one in no session."""
    first = await exchange(database, "one")
    other = await exchange(database, "two", place="bob")
    for session_id, turn_id in (
        (first.session_id, other.turn_id),
        (first.session_id, 2**40),
        (2**40, first.turn_id),
    ):
        with pytest.raises(NotFound):
            await database.write(again, session_id, turn_id, owner="a", now=0)
    await database.write(transcript.reset, first.session_id)
    with pytest.raises(NotFound):
        await anew(database, first)


async def test_a_message_that_comes_meanwhile_waits_for_the_new_answer(database):
    """The new turn holds its session as every other."""
    first = await exchange(database, "one")
    replaced = await anew(database, first)
    waiting = await accept(database, "two")
    assert waiting.turn_id is None
    following = await reply(database, replaced, "better")
    assert following.message_ids == (waiting.message_id,)
    assert await known(database, following.turn) == ["one", "better", "two"]


async def test_a_crash_after_the_commit_loses_nothing(database):
    """Whoever takes the dead one's turns over finds the new one, with its question."""
    first = await exchange(database, "one")
    replaced = await anew(database, first, owner="a")
    [taken] = await recover(database, "b", single=True)
    assert (taken.id, taken.owner, taken.attempt) == (replaced.turn_id, "b", 2)
    assert await known(database, taken) == ["one"]
    await close(database, taken)
    assert await shown(database, first.session_id) == ["one", "Hello"]
    assert await database.read(leases.owned, "a") == set()


async def test_the_model_is_shown_again_what_its_window_had_lost(database):
    """Who goes back to before the window's begin finds what came before there."""
    asked = [await exchange(database, f"{number}") for number in range(6)]
    window = update(sessions).values(window_from=asked[4].turn_id)
    await database.write(lambda db: db.execute(window).rowcount)
    edited = await anew(database, asked[2], said=event("new"))
    assert await known(database, edited.turn) == ["0", "re: 0", "1", "re: 1", "new"]


async def test_the_last_answer_anew_keeps_the_models_window(database):
    """So that the provider's cache of the prompt's begin still holds."""
    asked = [await exchange(database, f"{number}") for number in range(6)]
    window = update(sessions).values(window_from=asked[4].turn_id)
    await database.write(lambda db: db.execute(window).rowcount)
    replaced = await anew(database, asked[5])
    assert await known(database, replaced.turn) == ["4", "re: 4", "5"]


async def test_what_was_said_elsewhere_before_outlives_the_message_that_told_it(database):
    """The first message is edited: what its client said was said before still counts."""
    earlier = (PromptMessage(role="user", text="a"), PromptMessage(role="assistant", text="b"))
    first = await accept(database, "one", transcript=earlier)
    await reply(database, first, "re: one")
    edited = await anew(database, first, said=told("won", model="m", max_tokens=7))
    assert await known(database, edited.turn) == ["a", "b", "won"]
    spoken = await database.read(transcript.spoken, first.session_id, turn_id=edited.turn.id)
    prompt = build(spoken, turn_id=edited.turn.id, system="", cache="5m").prompt
    assert (prompt.model, prompt.max_tokens) == ("m", 7)


async def test_the_new_turn_keeps_its_sessions_own_system_prompt(database):
    """As the turn before it had it."""
    first = await accept(database, "one", system="Be brief.")
    await reply(database, first, "re: one")
    assert (await anew(database, first)).turn.system == "Be brief."


async def test_an_edit_under_another_sessions_name_is_undone(database, monkeypatch):
    """An identity that somebody stores at that moment leaves no turn without a message."""
    first = await exchange(database, "one")
    await exchange(database, "two", key="taken", place="bob")
    monkeypatch.setattr(module, "stored", lambda *_: None)
    with pytest.raises(Contended):
        await anew(database, first, said=told("won", key="taken"))
    assert await shown(database, first.session_id) == ["one", "re: one"]
    assert await database.read(outcomes.open_turn, first.session_id) is None


# --- at the same time ---


async def test_ten_who_want_it_anew_at_once_share_one_turn(database):
    """One opens it, the others join."""
    first = await exchange(database, "one")
    receipts = await asyncio.gather(*[anew(database, first) for _ in range(10)])
    assert len({receipt.turn_id for receipt in receipts}) == 1
    assert [receipt.turn is not None for receipt in receipts].count(True) == 1


@POSTGRESQL
@pytest.mark.parametrize("after", range(2, 6))
async def test_a_message_that_meets_an_answer_anew_is_not_replaced_with_it(database, after):
    """Whatever has been done of the one, the other waits for it, and its message is answered."""
    first = await exchange(database, "one")
    pause = Pause()
    slow = asyncio.create_task(
        database.write(
            paced(again, pause, after), first.session_id, first.turn_id, owner="a", now=0
        )
    )
    await pause.reached.wait()
    arriving = asyncio.create_task(accept(database, "two"))
    await eventually(partial(_waits_or_is_done, database, arriving))
    pause.go()
    replaced, arrived = await asyncio.gather(slow, arriving)
    assert arrived.turn_id is None
    following = await reply(database, replaced, "better")
    assert following.message_ids == (arrived.message_id,)
    assert await shown(database, first.session_id) == ["one", "better", "two"]


@POSTGRESQL
async def test_an_answer_anew_that_meets_a_message_is_told_to_wait(database):
    """The message came first: its turn runs, and is not replaced unseen."""
    first = await exchange(database, "one")
    pause = Pause()
    slow = asyncio.create_task(
        database.write(paced(arrivals.accept, pause, 3), event(), owner="a", now=0, stale_before=-1)
    )
    await pause.reached.wait()
    late = asyncio.create_task(anew(database, first))
    await eventually(partial(_waits_or_is_done, database, late))
    pause.go()
    arrived = await slow
    with pytest.raises(Busy):
        await late
    assert (await row(database, messages, arrived.message_id)).turn_id == arrived.turn_id


async def test_replaced_turns_point_to_later_ones_alone(database):
    """So whoever follows them comes to an end."""
    first, second = [await exchange(database, text) for text in ("one", "two")]
    for receipt in (second, first, second, first):
        replaced = await anew(database, receipt, said=event("again"))
        await reply(database, replaced, "re: again")
    found = await database.read(lambda db: db.execute(select(turns.sql.turns)).all())
    assert all(turn.replaced_by is None or turn.replaced_by > turn.id for turn in found)
    assert [turn.id for turn in found if turn.replaced_by is None] == [replaced.turn_id]
