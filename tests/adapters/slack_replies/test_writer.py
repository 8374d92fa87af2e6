"""Each call keeps within Slack's limits, and whatever becomes of it has its way out."""

import asyncio
from dataclasses import replace

import pytest

from adapters.slack.calls import Refused, Unreachable, Unsure
from adapters.slack.governor import APPEND, POST, RATES, START, STOP, UPDATE, Governor
from adapters.slack.target import Target
from adapters.slack.traits import Traits
from adapters.slack.writer import SPARE, TRIES, Appended, Writer
from core.errors import Fenced, RateLimited
from tests.fakes.hands import HandClock

TARGET = Target(
    team="T1",
    channel="D1",
    thread_ts="1.0",
    user="U1",
    user_team="T1",
    direct=True,
    since="1.0",
)
DELETE = "chat.delete"


class Desk:
    """A writer, and a Slack that meets its calls with these `troubles` first, then says ok."""

    def __init__(self, *troubles, check=lambda: None) -> None:
        self.clock = HandClock()
        self.governor = Governor(self.clock)
        self.calls = []
        self._troubles = list(troubles)
        self.writer = Writer(
            self._call, TARGET, governor=self.governor, traits=Traits(self.clock), check=check
        )

    async def _call(self, method, **arguments):
        self.calls.append((method, arguments))
        if self._troubles and (trouble := self._troubles.pop(0)) is not None:
            raise trouble
        return {"ok": True, "ts": "2.0"}

    def asked(self):
        return [method for method, _ in self.calls]

    def use_up(self, method, *, left=0):
        while self.governor.room("T1", method) > left:
            self.governor.spend("T1", method)


VERBS = {
    POST: lambda writer: writer.post("x", "1.0"),
    START: lambda writer: writer.start("x"),
    APPEND: lambda writer: writer.append("2.0", "x"),
    STOP: lambda writer: writer.stop("2.0", "x"),
    UPDATE: lambda writer: writer.update("2.0", "x"),
    "touch": lambda writer: writer.touch("2.0", "x"),
    DELETE: lambda writer: writer.delete("2.0"),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_who_lost_the_turn_calls_nothing(verb):
    """Somebody else writes these messages now."""

    def lost():
        raise Fenced("turn 1")

    desk = Desk(check=lost)
    with pytest.raises(Fenced):
        await VERBS[verb](desk.writer)
    assert not desk.calls


@pytest.mark.parametrize(
    ("trouble", "became"),
    [
        (None, Appended.DONE),
        (RateLimited("", retry_after=7), Appended.LATER),
        (Unreachable("refused"), Appended.LATER),
        (Unsure("dropped"), Appended.DOUBT),
        (Refused("of_the_future"), Appended.DOUBT),
        (Refused("message_not_in_streaming_state"), Appended.OVER),
        (Refused("stopped_by_user"), Appended.STOPPED),
    ],
    ids=str,
)
async def test_what_became_of_an_append_is_told(trouble, became):
    """Only what surely was not appended is appended later."""
    assert await Desk(trouble).writer.append("2.0", "x") is became


@pytest.mark.parametrize("method", [START, APPEND])
async def test_a_stream_waits_for_nothing(method):
    """Where there is no room, nothing is asked."""
    desk = Desk()
    desk.use_up(method)
    assert await VERBS[method](desk.writer) in {None, Appended.LATER}
    assert not desk.calls


async def test_no_stream_begins_that_could_not_be_ended():
    """Stops have a limit of their own."""
    desk = Desk()
    desk.use_up(STOP)
    assert await desk.writer.start("x") is None
    assert not desk.calls


@pytest.mark.parametrize(("verb", "method"), [(START, START), (APPEND, APPEND), ("touch", UPDATE)])
async def test_a_limit_that_one_reply_meets_is_all_replies(verb, method):
    """For as long as Slack said."""
    desk = Desk(RateLimited("", retry_after=7))
    assert await VERBS[verb](desk.writer) in {None, Appended.LATER, False}
    desk.clock.advance(6.9)
    assert not desk.governor.room("T1", method)
    desk.clock.advance(0.2)
    assert desk.governor.room("T1", method)


@pytest.mark.parametrize(("verb", "key"), [(POST, (POST, "D1")), (STOP, (STOP,))])
async def test_a_call_that_must_be_made_waits_for_its_limit(verb, key):
    """And so does everybody else."""
    desk = Desk(RateLimited("", retry_after=7))
    calling = asyncio.create_task(VERBS[verb](desk.writer))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not desk.governor.room("T1", *key)
    assert desk.asked() == [verb]
    desk.clock.advance(7)
    await calling
    assert desk.asked() == [verb, verb]


async def test_posts_are_counted():
    """A channel takes so many at once."""
    desk = Desk()
    for _ in range(RATES[POST][0]):
        await desk.writer.post("x", "1.0")
    assert not desk.governor.room("T1", POST, "D1")


async def test_edits_that_are_not_the_last_leave_room_for_those():
    """The last edit of an answer is worth more than any other."""
    desk = Desk()
    desk.use_up(UPDATE, left=SPARE)
    assert not await desk.writer.touch("2.0", "x")
    assert not desk.writer.may_edit()
    assert not desk.calls
    await desk.writer.update("2.0", "x")


@pytest.mark.parametrize("trouble", [Unsure(""), Unreachable(""), Refused("cant_update_message")])
async def test_an_edit_that_went_wrong_is_not_taken_for_done(trouble):
    """What is left to the last edit."""
    assert not await Desk(trouble).writer.touch("2.0", "x")


@pytest.mark.parametrize("trouble", [Unsure(""), Refused("message_not_in_streaming_state")])
async def test_last_words_that_may_be_lost_are_told(trouble):
    """The message is edited then."""
    assert not await Desk(trouble).writer.stop("2.0", "x")


@pytest.mark.parametrize("verb", [UPDATE, DELETE])
async def test_a_message_that_is_gone_is_let_be(verb):
    """Somebody deleted it."""
    desk = Desk(Refused("message_not_found"))
    await VERBS[verb](desk.writer)
    assert desk.asked() == [verb]


@pytest.mark.parametrize("verb", [UPDATE, DELETE])
async def test_what_bears_repetition_is_repeated(verb):
    """Its fate does not matter then."""
    desk = Desk(*[Unsure("")] * (TRIES - 1))
    await VERBS[verb](desk.writer)
    assert desk.asked() == [verb] * TRIES


async def test_a_message_that_streams_still_is_ended_before_its_edit():
    """Slack edits no other."""
    desk = Desk(Refused("streaming_state_conflict"))
    await desk.writer.update("2.0", "x")
    assert desk.asked() == [UPDATE, STOP, UPDATE]


@pytest.mark.parametrize("verb", [UPDATE, "touch"])
async def test_slack_makes_nothing_live_in_an_edit(verb):
    """By itself it would, of what looks like a name or a link."""
    desk = Desk()
    await VERBS[verb](desk.writer)
    assert desk.calls[0][1]["parse"] == "none"


async def test_a_stream_names_its_reader():
    """Channels take no other."""
    desk = Desk()
    await desk.writer.start("x")
    [(_, arguments)] = desk.calls
    assert (arguments["recipient_user_id"], arguments["recipient_team_id"]) == ("U1", "T1")


async def test_nothing_streams_outside_of_threads():
    """Slack takes it nowhere else."""
    desk = Desk()
    desk.writer.target = replace(TARGET, thread_ts=None)
    assert await desk.writer.start("x") is None
    assert not desk.calls


async def test_thumbs_that_a_workspace_does_not_know_are_tried_once():
    """What was refused with them was taken without."""
    desk = Desk(Refused("invalid_blocks"))
    for _ in range(2):
        await desk.writer.post("x", "1.0", rated=7)
    assert len(desk.calls) == 3
