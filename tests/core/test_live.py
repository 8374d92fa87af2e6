"""Viewers of a turn see its answer exactly, however often they are cut and wherever they go on."""

import asyncio
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.live import Cursor, Live, TurnLog, replay
from core.types import Address, Outcome, Status, Turn, Usage

TURN = Turn(
    id=7,
    session_id=1,
    owner="a",
    attempt=1,
    blame=0,
    status=Status.RUNNING,
    address_id=1,
    address=Address(platform="web", account="x", conversation="alice"),
)


def at(position, attempt=1):
    return Cursor(attempt=attempt, position=position)


def outcome(text, *, status=Status.DONE, attempt=1):
    return Outcome(
        turn_id=TURN.id,
        attempt=attempt,
        status=status,
        text=text,
        model="m",
        stop_reason="end_turn",
        usage=Usage(),
        error=None,
        message_id=1,
        created_at=0,
    )


def ended(*texts):
    """A log that is over."""
    log = TurnLog(TURN)
    for text in texts:
        log.append(text)
    log.close(outcome("".join(texts)))
    return log


async def everything(log, cursor=None):
    return [update async for update in log.follow(cursor)]


class Viewer:
    """Somebody who shows what the updates say, and may be cut off at any of them."""

    def __init__(self) -> None:
        self.shown = ""
        self.cursor = None
        self.outcome = None
        self.updates = []

    def see(self, update):
        self.updates.append(update)
        self.shown = update.text if update.reset else self.shown + update.text
        self.cursor = update.cursor
        self.outcome = update.outcome

    async def watch(self, log):
        async for update in log.follow(self.cursor):
            self.see(update)


async def breathe():
    """Let every task that can run come to its next wait."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- one viewer ---


async def test_who_comes_without_a_cursor_is_told_the_start_then_all_then_the_end():
    """Also after the end: the log is read from its beginning."""
    updates = await everything(ended("Hel", "lo"))
    assert [update.started for update in updates] == [True, False]
    assert "".join(update.text for update in updates) == "Hello"
    assert updates[-1].outcome.text == "Hello"
    assert updates[-1].cursor == at(5)


async def test_who_comes_early_sees_the_words_as_they_come():
    """Each append wakes the viewer; what came together is seen together."""
    log, viewer = TurnLog(TURN), Viewer()
    watching = asyncio.create_task(viewer.watch(log))
    await breathe()
    log.append("one")
    await breathe()
    log.append("two")
    log.append("three")
    await breathe()
    assert [update.text for update in viewer.updates] == ["", "one", "twothree"]
    log.close(outcome("onetwothree"))
    await watching


async def test_who_has_a_cursor_gets_the_rest_alone():
    """No start and no word twice."""
    updates = await everything(ended("Hel", "lo"), at(2))
    assert not any(update.started or update.reset for update in updates)
    assert "".join(update.text for update in updates) == "llo"


async def test_who_has_everything_is_told_the_end_alone():
    """Resuming at the end yields the outcome, and no text."""
    (update,) = await everything(ended("Hello"), at(5))
    assert (update.text, update.reset, update.outcome.text) == ("", False, "Hello")


@pytest.mark.parametrize("cursor", [at(6), at(2, attempt=2), at(-1)], ids=str)
async def test_a_cursor_that_fits_nowhere_starts_over(cursor):
    """From another attempt, or beyond the end: what the viewer has is void."""
    updates = await everything(ended("Hello"), cursor)
    assert updates[0].reset
    assert updates[0].text == "Hello"
    assert updates[-1].outcome is not None


async def test_a_reset_voids_what_was_seen():
    """Whoever watches gets the new text in place of the old."""
    log, viewer = TurnLog(TURN), Viewer()
    log.append("I think")
    watching = asyncio.create_task(viewer.watch(log))
    await breathe()
    log.reset()
    log.append("No.")
    log.close(outcome("No."))
    await watching
    assert (viewer.shown, log.text) == ("No.", "No.")
    assert any(update.reset for update in viewer.updates)


async def test_a_cursor_from_before_a_reset_does_not_fit_after_it():
    """Even if the new text is as long as the old one was."""
    log = TurnLog(TURN)
    log.append("old")
    log.reset()
    log.append("new")
    log.close(outcome("new"))
    updates = await everything(log, at(3))
    assert updates[0].reset
    assert updates[0].text == "new"


async def test_a_reset_during_a_reset_voids_that_one_too():
    """A viewer that is slow to take the new text finds it taken back in its turn."""
    log, viewer = TurnLog(TURN), Viewer()
    following = log.follow(None)
    viewer.see(await anext(following))
    for words in (["one"], ["two", "three"]):
        log.reset()
        for word in words:
            log.append(word)
        viewer.see(await anext(following))
    assert viewer.shown == log.text == "twothree"


async def test_an_abandoned_log_sends_its_viewers_away_without_an_end():
    """They get all that was said, and go on where the turn goes on."""
    log, viewer = TurnLog(TURN), Viewer()
    watching = asyncio.create_task(viewer.watch(log))
    await breathe()
    log.append("Hel")
    log.abandon()
    await watching
    assert (viewer.shown, viewer.outcome) == ("Hel", None)


async def test_a_log_without_a_word_ends_too():
    """Cancelled before the first word: a start and an end."""
    log = TurnLog(TURN)
    log.close(outcome("", status=Status.CANCELLED))
    updates = await everything(log)
    assert [update.text for update in updates] == ["", ""]
    assert updates[-1].outcome.status == Status.CANCELLED


async def test_nothing_follows_an_outcome():
    """The end is told once, and the viewer's iteration is over."""
    updates = await everything(ended("Hello"))
    assert [update.outcome is not None for update in updates] == [False, True]


# --- many viewers ---


async def test_a_hundred_viewers_who_never_read_are_held_nowhere():
    """Some never begin, some stop after the first update: the log keeps nothing for them."""
    log = TurnLog(TURN)
    never = [log.follow(None) for _ in range(50)]
    stopped = [log.follow(None) for _ in range(50)]
    for viewer in stopped:
        await anext(viewer)
    for _ in range(1000):
        log.append("word ")
    assert log._viewers == []
    log.close(outcome(log.text))
    late = [await anext(viewer) for viewer in stopped]
    assert {update.text for update in late} == {"word " * 1000}
    for viewer in (*never, *stopped):
        await viewer.aclose()


async def test_the_writer_wakes_a_waiting_viewer_once_for_many_words():
    """What is appended before a viewer runs again costs one future, not one a word."""
    log = TurnLog(TURN)
    viewers = [Viewer() for _ in range(100)]
    watching = [asyncio.create_task(viewer.watch(log)) for viewer in viewers]
    await breathe()
    assert len(log._viewers) == 100
    for _ in range(1000):
        log.append("word ")
    assert log._viewers == []
    log.close(outcome(log.text))
    await asyncio.gather(*watching)
    assert {viewer.shown for viewer in viewers} == {"word " * 1000}
    assert {len(viewer.updates) for viewer in viewers} == {2}


async def test_a_slow_viewer_holds_nobody_up():
    """The others read to the end while it has not begun, and it catches up in one piece."""
    log, fast, slow = TurnLog(TURN), Viewer(), Viewer()
    watching = asyncio.create_task(fast.watch(log))
    reading = log.follow(None)
    slow.see(await anext(reading))
    for number in range(10):
        log.append(str(number))
        await breathe()
    log.close(outcome(log.text))
    await watching
    slow.see(await anext(reading))
    assert fast.shown == slow.shown == "0123456789"
    assert (len(fast.updates), len(slow.updates)) == (12, 2)


async def test_a_viewer_that_is_cancelled_leaves_nothing_behind():
    """A connection that breaks off while it waits is forgotten at once."""
    log = TurnLog(TURN)
    watching = [asyncio.create_task(Viewer().watch(log)) for _ in range(10)]
    await breathe()
    for task in watching:
        task.cancel()
    await asyncio.wait(watching)
    assert log._viewers == []


# --- the logs of a replica ---


def test_a_log_is_found_until_it_is_dropped():
    """And a log that was replaced by a newer attempt's does not take that one with it."""
    live = Live()
    first = live.open(TURN)
    second = live.open(replace(TURN, attempt=2))
    live.drop(first)
    assert live.get(TURN.id) is second
    live.drop(second)
    assert (live.get(TURN.id), len(live)) == (None, 0)


async def test_who_waits_for_news_is_told_once_it_is_there():
    """Opening a log wakes those who wait for the turn; nobody waits for it afterwards."""
    live = Live()
    with live.news("turn", TURN.id) as news:
        waiting = asyncio.create_task(news.wait(1000))
        await breathe()
        live.open(TURN)
        await waiting
    assert live._news == {}


async def test_news_that_come_before_the_wait_are_not_missed():
    """What happens between beginning to listen and waiting counts."""
    live = Live()
    with live.news("turn", TURN.id) as news:
        live.open(TURN)
        await news.wait(1000)


async def test_news_of_one_thing_wake_nobody_else():
    """Listeners of other turns and messages go on waiting."""
    live = Live()
    with live.news("turn", 8) as other, live.news("message", TURN.id) as message:
        waiting = [asyncio.create_task(news.wait(1000)) for news in (other, message)]
        await breathe()
        live.open(TURN)
        await breathe()
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    assert live._news == {}


# --- the stored answer ---


def test_a_stored_answer_is_replayed_from_its_beginning():
    """Without a cursor: the start, all text, the end."""
    first, last = replay(outcome("Hello"), None)
    assert (first.started, first.cursor, last.text) == (True, at(0), "Hello")
    assert last.outcome == outcome("Hello")


def test_a_stored_answer_is_replayed_from_a_cursor():
    """Only what is missing."""
    (update,) = replay(outcome("Hello"), at(2))
    assert (update.text, update.reset, update.cursor) == ("llo", False, at(5))


@pytest.mark.parametrize("cursor", [at(6), at(2, attempt=2)], ids=str)
def test_a_stored_answer_replaces_what_does_not_fit_it(cursor):
    """Another attempt's words, or more than there are."""
    (update,) = replay(outcome("Hello"), cursor)
    assert (update.text, update.reset) == ("Hello", True)


# --- any viewer, cut anywhere ---

WORDS = st.text(alphabet="abc 🙂", min_size=1, max_size=5)
STEPS = st.lists(st.one_of(WORDS, st.just(None)), max_size=12)
WORDS_ALONE = st.lists(WORDS, max_size=12)
LIVES = st.lists(st.integers(0, 6), max_size=6)


def write(log, steps):
    """Do all steps; None takes back every word so far."""
    for step in steps:
        if step is None:
            log.reset()
        else:
            log.append(step)


async def watch_with_cuts(steps, cuts, pauses):
    """A viewer that reads `cuts[n]` updates at its n-th coming, while the log is written."""
    log, viewer = TurnLog(TURN), Viewer()
    steps, pauses = iter(steps), iter(pauses)
    for reads in cuts:
        following = log.follow(viewer.cursor)
        for _ in range(reads):
            write(log, islice(steps, next(pauses, 0)))
            pull = asyncio.ensure_future(anext(following, None))
            await breathe()
            if not pull.done():  # nothing is new: the viewer is cut while it waits
                pull.cancel()
                await asyncio.wait({pull})
                break
            viewer.see(pull.result())
        await following.aclose()
    write(log, steps)
    log.close(outcome(log.text))
    return log, viewer


@settings(deadline=None, max_examples=150)
@given(steps=STEPS, cuts=LIVES, pauses=LIVES)
def test_however_often_cut_a_viewer_of_the_log_has_the_text(steps, cuts, pauses):
    """Resuming by cursor in memory, also over resets, ends in exactly the text."""

    async def run():
        log, viewer = await watch_with_cuts(steps, cuts, pauses)
        await viewer.watch(log)
        assert viewer.shown == log.text
        assert viewer.outcome is not None

    asyncio.run(run())


@settings(deadline=None, max_examples=150)
@given(steps=WORDS_ALONE, cuts=LIVES, pauses=LIVES)
def test_however_often_cut_a_viewer_has_the_text_from_the_stored_answer(steps, cuts, pauses):
    """Who comes back after the end completes what it has from the database."""

    async def run():
        log, viewer = await watch_with_cuts(steps, cuts, pauses)
        for update in replay(log.outcome, viewer.cursor):
            viewer.see(update)
        assert viewer.shown == log.text

    asyncio.run(run())
