"""The life of a turn in the database: stored once, in order, by whoever holds it."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only

from core import arrivals, deliveries, leases, outcomes, transcript, turns
from core.errors import Fenced, RateLimited
from core.tables import addresses, messages, replicas, sessions
from core.tables import deliveries as deliveries_table
from core.tables import turns as turns_table
from core.types import Answer, Status
from tests.core.stage import POSTGRESQL, SQLITE, Pause, event, eventually, locked_out, silence

DEAD_MS = 12_000
DONE = Answer(status=Status.DONE, parts=({"type": "text", "text": "Hello"},))


async def accept(database, text="Hi", *, owner="a", now=0, stale_before=-1, **options):
    """Accept a message, by default a new one of the same place."""
    return await database.write(
        arrivals.accept, event(text, **options), owner=owner, now=now, stale_before=stale_before
    )


async def close(database, turn, answer=DONE, *, now=0):
    """Close a turn; returns what follows."""
    return (await database.write(turns.close, turn, answer, now=now))[1]


async def recover(database, replica, *, single=False, lost=()):
    """Take over what nobody works on."""
    return await database.write(leases.recover, replica, single=single, dead_ms=DEAD_MS, lost=lost)


async def count(database, table, *where):
    """How many rows there are."""
    query = select(func.count()).select_from(table).where(*where)
    return await database.read(lambda db: db.execute(query).scalar())


async def row(database, table, row_id):
    """One row by its id."""
    return await database.read(
        lambda db: db.execute(select(table).where(table.c.id == row_id)).one()
    )


async def spoken(database, turn):
    """What the model may see in a turn."""
    found = await database.read(transcript.spoken, turn.session_id, turn_id=turn.id, limit=100)
    return [message.parts[0]["text"] for message in found]


async def second_place(database, session_id, place):
    """One more address of a session."""
    values = {"platform": "web", "account": "x", "conversation": place, "direct": True}
    statement = insert(addresses).values(session_id=session_id, **values)
    await database.write(lambda db: db.execute(statement))


# --- accept ---


async def test_a_first_message_opens_a_turn_that_belongs_to_who_accepted_it(database):
    """The turn is running, its first attempt, and holds the message."""
    receipt = await accept(database, owner="a")
    turn = receipt.turn
    assert (turn.owner, turn.attempt, turn.blame, turn.status) == ("a", 1, 0, Status.RUNNING)
    assert receipt.turn_id == turn.id
    assert await database.read(outcomes.turn_of, receipt.message_id) == turn.id


async def test_a_message_that_comes_during_a_turn_waits(database):
    """It is stored, in no turn yet, and opens none."""
    first = await accept(database)
    second = await accept(database)
    assert (second.turn, second.turn_id) == (None, None)
    assert second.session_id == first.session_id
    assert await count(database, turns_table) == 1


async def test_the_same_message_again_is_told_where_it_went(database):
    """The second receipt names the first one's session, message and turn, and runs nothing."""
    first = await accept(database, key="k")
    again = await accept(database, key="k", owner="b")
    assert again.duplicate
    assert again.turn is None
    ids = (again.session_id, again.message_id, again.turn_id)
    assert ids == (first.session_id, first.message_id, first.turn_id)
    assert await count(database, messages) == 1


async def test_the_same_message_after_its_turn_opens_no_other(database):
    """A platform that retries an hour later gets no second answer."""
    first = await accept(database, key="k")
    await close(database, first.turn)
    again = await accept(database, key="k")
    assert (again.duplicate, again.turn) == (True, None)
    assert await count(database, turns_table) == 1


async def test_the_same_message_from_elsewhere_stores_nothing_at_all(database):
    """Not even the session of an address that was never heard of."""
    first = await accept(database, key="k")
    again = await accept(database, key="k", place="elsewhere")
    assert (again.duplicate, again.session_id) == (True, first.session_id)
    assert await count(database, sessions) == 1


async def test_twenty_copies_at_once_are_one_message_and_one_turn(database):
    """Whichever wins: one receipt has the turn, all name the same message."""
    receipts = await asyncio.gather(*(accept(database, key="k") for _ in range(20)))
    assert sum(receipt.turn is not None for receipt in receipts) == 1
    assert sum(receipt.duplicate for receipt in receipts) == 19
    assert len({(receipt.message_id, receipt.turn_id) for receipt in receipts}) == 1
    assert await count(database, messages) == 1
    assert await count(database, turns_table) == 1


async def test_copies_at_once_while_a_turn_runs_are_one_waiting_message(database):
    """What waits is stored once, too."""
    await accept(database)
    receipts = await asyncio.gather(*(accept(database, key="k") for _ in range(20)))
    assert sum(receipt.duplicate for receipt in receipts) == 19
    assert await count(database, messages) == 2
    assert await count(database, turns_table) == 1


async def test_first_messages_at_once_make_one_session(database):
    """Of twenty first messages of a new address one opens the turn, the others wait for it."""
    receipts = await asyncio.gather(*(accept(database) for _ in range(20)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert sum(receipt.turn is not None for receipt in receipts) == 1
    assert await count(database, sessions) == 1
    assert await count(database, addresses) == 1
    assert await count(database, messages) == 20


async def test_places_that_differ_in_any_part_are_different_sessions(database):
    """Platform, account and conversation name an address together."""
    receipts = [
        await accept(database),
        await accept(database, place="bob"),
        await accept(database, platform="push"),
    ]
    assert len({receipt.session_id for receipt in receipts}) == 3


@pytest.mark.parametrize("text", ["naïve 🙂 \u2028", '"\\', "x" * 100_000, "\u0000"])
async def test_words_come_back_as_they_were_written(database, text):
    """Whatever the script and however long, what is read is what was said."""
    receipt = await accept(database, text)
    assert await spoken(database, receipt.turn) == [text]


# --- what waits ---


async def test_what_waits_is_taken_together_and_in_order(database):
    """The next turn holds all messages that waited, as they came."""
    first = await accept(database, "one")
    waiting = [await accept(database, text) for text in ("two", "three", "four")]
    following = await close(database, first.turn)
    assert following.message_ids == tuple(receipt.message_id for receipt in waiting)
    assert await spoken(database, following.turn) == ["one", "Hello", "two", "three", "four"]


async def test_a_turn_answers_one_address(database):
    """What waits at several addresses becomes a turn each, the oldest message's first."""
    first = await accept(database, "one")
    await second_place(database, first.session_id, "bob")
    await accept(database, "two", place="bob")
    await accept(database, "three")
    await accept(database, "four", place="bob")
    second = await close(database, first.turn)
    assert second.turn.address.conversation == "bob"
    assert await spoken(database, second.turn) == ["one", "Hello", "two", "four"]
    third = await close(database, second.turn)
    assert third.turn.address.conversation == "alice"
    assert await close(database, third.turn) is None


async def test_the_turn_that_follows_belongs_to_who_closed_the_one_before(database):
    """The owner goes on by itself, with a fresh turn."""
    first = await accept(database, owner="a")
    await accept(database, owner="b")
    turn = (await close(database, first.turn)).turn
    assert (turn.owner, turn.attempt, turn.blame, turn.status) == ("a", 1, 0, Status.RUNNING)


async def test_nothing_follows_where_nothing_waits(database):
    """The session is free for the next message."""
    first = await accept(database)
    assert await close(database, first.turn) is None
    assert (await accept(database)).turn is not None


async def test_the_schema_itself_refuses_a_second_open_turn(database):
    """One open turn a session is no matter of care."""
    turn = (await accept(database)).turn
    values = {"session_id": turn.session_id, "address_id": turn.address_id, "status": "running"}
    second = insert(turns_table).values(**values, attempt=1, blame=0, started_at=0)
    with pytest.raises(IntegrityError):
        await database.write(lambda db: db.execute(second))


async def test_the_schema_itself_refuses_a_second_answer(database):
    """One answer a turn is no matter of care either."""
    turn = (await accept(database)).turn
    await database.write(turns.finish, turn, DONE, now=0)
    values = {"session_id": turn.session_id, "turn_id": turn.id, "address_id": turn.address_id}
    second = insert(messages).values(**values, role="assistant", content=[], created_at=0)
    with pytest.raises(IntegrityError):
        await database.write(lambda db: db.execute(second))


# --- starting afresh ---


async def test_a_session_idle_for_longer_starts_afresh(database):
    """What was said before the last turn closed, too long ago, is seen by nobody any more."""
    first = await accept(database, "old", now=0)
    await close(database, first.turn, now=10)
    late = await accept(database, "new", now=100, stale_before=11)
    assert late.session_id == first.session_id
    assert await spoken(database, late.turn) == ["new"]


async def test_a_session_idle_for_less_goes_on(database):
    """Time counts from when the last turn closed, to the millisecond."""
    first = await accept(database, "old", now=0)
    await close(database, first.turn, now=10)
    later = await accept(database, "new", now=100, stale_before=10)
    assert await spoken(database, later.turn) == ["old", "Hello", "new"]


async def test_a_session_at_work_does_not_start_afresh(database):
    """However long a turn takes, what comes meanwhile belongs to its conversation."""
    first = await accept(database, "old", now=0)
    await accept(database, "new", now=100, stale_before=99)
    following = await close(database, first.turn, now=200)
    assert await spoken(database, following.turn) == ["old", "Hello", "new"]


async def test_a_reset_hides_what_was_said_before_it(database):
    """The model and the reader see only what comes after."""
    first = await accept(database, "old")
    await close(database, first.turn)
    await database.write(transcript.reset, first.session_id)
    second = await accept(database, "new")
    assert await spoken(database, second.turn) == ["new"]
    shown = await database.read(transcript.conversation, first.session_id, before=None, limit=100)
    assert [message.parts[0]["text"] for message, _ in shown] == ["new"]


async def test_a_reset_does_not_hide_what_waits(database):
    """A message that is yet to be answered is the first of the new conversation."""
    first = await accept(database, "old")
    await accept(database, "waiting")
    await database.write(transcript.reset, first.session_id)
    following = await close(database, first.turn)
    assert await spoken(database, following.turn) == ["waiting"]


async def test_a_reset_leaves_an_open_turn_its_own_question(database):
    """A turn that is open when its session is reset is asked with its own messages at least."""
    first = await accept(database, "old")
    await database.write(transcript.reset, first.session_id)
    assert await spoken(database, first.turn) == ["old"]


@pytest.mark.parametrize("write", ["finish", "close"])
async def test_a_cut_window_never_undoes_a_reset(database, write):
    """A turn that began before the reset and cut its window does not bring the old back."""
    first = await accept(database, "old")
    await database.write(transcript.reset, first.session_id)
    cut = Answer(status=Status.DONE, parts=DONE.parts, window_from=first.turn_id)
    await database.write(getattr(turns, write), first.turn, cut, now=0)
    session = await row(database, sessions, first.session_id)
    assert session.window_from == session.history_from > first.turn_id


@pytest.mark.parametrize("write", ["finish", "close"])
async def test_a_cut_window_is_kept_and_the_history_stays(database, write):
    """The model sees less from now on; people still see all."""
    first = await accept(database, "old")
    await close(database, first.turn)
    second = await accept(database, "new")
    cut = Answer(status=Status.DONE, parts=DONE.parts, window_from=second.turn_id)
    await database.write(getattr(turns, write), second.turn, cut, now=0)
    assert await spoken(database, second.turn) == ["new", "Hello"]
    session = await row(database, sessions, first.session_id)
    assert session.history_from < first.turn_id


# --- the fence ---


WRITES = {
    "finish": lambda turn: partial(turns.finish, turn=turn, answer=DONE, now=0),
    "settle": lambda turn: partial(turns.settle, turn=turn, status="done", error=None, now=0),
    "close": lambda turn: partial(turns.close, turn=turn, answer=DONE, now=0),
    "checkpoint": lambda turn: partial(
        deliveries.checkpoint, turn=turn, part=0, external_id="id", sent_at=0
    ),
}


@pytest.mark.parametrize("write", WRITES)
async def test_who_lost_a_turn_writes_nothing_more_about_it(database, write):
    """Every write of the former owner raises `Fenced` and leaves no trace."""
    lost = (await accept(database, owner="a")).turn
    await accept(database, "waiting")
    (taken,) = await recover(database, "b")
    before = await row(database, turns_table, lost.id)
    with pytest.raises(Fenced):
        await database.write(WRITES[write](lost))
    assert await row(database, turns_table, lost.id) == before
    assert await count(database, messages) == 2
    assert await count(database, deliveries_table) == 0
    assert (taken.owner, taken.attempt) == ("b", 2)


@pytest.mark.parametrize("write", WRITES)
async def test_who_lost_a_turn_is_fenced_also_after_its_end(database, write):
    """The new owner has answered and closed it: the old one still finds nothing to write."""
    lost = (await accept(database, owner="a")).turn
    (taken,) = await recover(database, "b")
    await close(database, taken)
    with pytest.raises(Fenced):
        await database.write(WRITES[write](lost))
    assert await count(database, messages) == 2


async def test_a_closed_turn_takes_no_part_of_a_delivery_any_more(database):
    """Not even from who closed it."""
    turn = (await accept(database)).turn
    await close(database, turn)
    with pytest.raises(Fenced):
        await database.write(deliveries.checkpoint, turn, 0, "id", sent_at=0)


# --- commits in doubt ---


async def test_finishing_twice_is_finishing_once(database):
    """Who repeats a commit in doubt learns of the same answer."""
    turn = (await accept(database)).turn
    first = await database.write(turns.finish, turn, DONE, now=1)
    assert await database.write(turns.finish, turn, DONE, now=2) == first
    assert (await row(database, turns_table, turn.id)).answered_at == 1
    assert await count(database, messages) == 2


async def test_closing_twice_is_closing_once(database):
    """One answer, and the waiting message is taken once."""
    turn = (await accept(database)).turn
    await accept(database)
    first, _ = await database.write(turns.close, turn, DONE, now=1)
    again, _ = await database.write(turns.close, turn, DONE, now=2)
    assert again == first
    assert await count(database, turns_table) == 2
    assert await count(database, messages) == 3


@pytest.mark.parametrize("write", ["settle", "close"])
async def test_the_turn_that_follows_is_told_again(database, write):
    """Who repeats a commit in doubt still learns which turn to go on with."""
    turn = (await accept(database)).turn
    waiting = await accept(database)
    if write == "settle":
        await database.write(turns.finish, turn, DONE, now=0)
    await database.write(WRITES[write](turn))
    again = await database.write(WRITES[write](turn))
    following = again if write == "settle" else again[1]
    assert following is not None
    assert following.message_ids == (waiting.message_id,)


async def test_settling_twice_is_settling_once(database):
    """The first time counts."""
    turn = (await accept(database)).turn
    await database.write(turns.finish, turn, DONE, now=0)
    await database.write(turns.settle, turn, status="done", error=None, now=1)
    await database.write(turns.settle, turn, status="failed", error="late", now=2)
    closed = await row(database, turns_table, turn.id)
    assert (closed.status, closed.error, closed.closed_at) == ("done", None, 1)


# --- deliveries ---


async def test_a_part_noted_again_is_noted_once(database):
    """The newest note of a part counts, and parts come back in order."""
    turn = (await accept(database)).turn
    await database.write(deliveries.checkpoint, turn, 1, "b", sent_at=None)
    await database.write(deliveries.checkpoint, turn, 0, "a", sent_at=None)
    await database.write(deliveries.checkpoint, turn, 0, "a2", sent_at=5)
    standing = await database.read(deliveries.standing, turn)
    assert (standing.parts, standing.sent) == ({0: "a2", 1: "b"}, {0})


# --- who works on what ---


async def test_the_turns_of_a_silent_replica_are_taken_over_and_count_a_crash(database):
    """Its last sign of life is too long ago: it died over them."""
    await database.write(leases.beat, "a")
    turn = (await accept(database, owner="a")).turn
    await database.write(silence, "a")
    (taken,) = await recover(database, "b")
    assert (taken.id, taken.owner, taken.attempt, taken.blame) == (turn.id, "b", 2, 1)


async def test_crashes_add_up_over_owners(database):
    """Each owner that dies over a turn counts."""
    await accept(database, owner="a")
    for deaths, name in enumerate("bcd", 1):
        (taken,) = await recover(database, name)
        assert (taken.blame, taken.attempt) == (deaths, deaths + 1)


async def test_the_turns_of_a_living_replica_are_left_alone(database):
    """A sign of life within the time that counts as alive protects them."""
    await database.write(leases.beat, "a")
    await accept(database, owner="a")
    assert await recover(database, "b") == []


async def test_released_turns_are_free_and_count_no_crash(database):
    """A restart is not the turn's fault."""
    await database.write(leases.beat, "a")
    turn = (await accept(database, owner="a")).turn
    assert await database.write(leases.release, "a") == 1
    (taken,) = await recover(database, "b")
    assert (taken.id, taken.attempt, taken.blame) == (turn.id, 2, 0)


async def test_who_leaves_takes_its_name_off(database):
    """A replica that stopped in order is not one that fell silent."""
    await database.write(leases.beat, "a")
    await database.write(leases.release, "a")
    assert await count(database, replicas) == 0


async def test_release_frees_nobody_elses_turns_and_no_closed_ones(database):
    """Others go on with theirs, and what is over stays over."""
    mine = await accept(database, owner="a")
    await close(database, mine.turn)
    await accept(database, owner="b", place="bob")
    assert await database.write(leases.release, "a") == 0
    assert await database.read(leases.owned, "b") != set()


async def test_an_answered_turn_is_taken_over_as_answered(database):
    """Its answer is there; the one who takes it over only has to deliver it."""
    turn = (await accept(database)).turn
    await database.write(turns.finish, turn, DONE, now=0)
    (taken,) = await recover(database, "b")
    assert taken.status == Status.ANSWERED
    assert (await database.read(outcomes.answered, turn.id)).parts == DONE.parts


async def test_lost_turns_of_ones_own_get_a_new_fence(database):
    """Only those that are named; the old attempt cannot write any more."""
    lost = (await accept(database, owner="a")).turn
    await accept(database, owner="a", place="bob")
    await database.write(leases.beat, "a")
    (taken,) = await recover(database, "a", lost=[lost.id])
    assert (taken.id, taken.attempt, taken.blame) == (lost.id, 2, turns.BROKE)


@SQLITE
async def test_alone_on_its_database_a_replica_takes_every_others_turns_at_once(database):
    """Nobody else can be alive, whatever the heartbeats say; its own are its own."""
    await database.write(leases.beat, "a")
    theirs = (await accept(database, owner="a")).turn
    await accept(database, owner="b", place="bob")
    taken = await recover(database, "b", single=True)
    assert [turn.id for turn in taken] == [theirs.id]


async def test_turns_are_taken_over_oldest_first_and_not_all_at_once(database, monkeypatch):
    """One sweep takes so many; the next one goes on."""
    monkeypatch.setattr(leases, "RECOVERED", 2)
    turn_ids = [(await accept(database, place=place)).turn_id for place in "abc"]
    await database.write(leases.beat, "b")
    first, second = await recover(database, "b"), await recover(database, "b")
    assert [turn.id for turn in first] == turn_ids[:2]
    assert [turn.id for turn in second] == turn_ids[2:]


@POSTGRESQL
async def test_two_that_take_over_at_once_share_without_overlap(database):
    """Each orphan gets exactly one new owner."""
    for number in range(20):
        await accept(database, owner="dead", place=str(number))
    for name in "abcd":
        await database.write(leases.beat, name)
    found = await asyncio.gather(*(recover(database, name) for name in "abcd"))
    taken = [turn.id for group in found for turn in group]
    assert len(taken) == len(set(taken)) == 20


# --- many at once on PostgreSQL ---


class Counted:
    """A function that counts how often it ran."""

    def __init__(self, fn) -> None:
        self.fn = fn
        self.runs = 0

    def __call__(self, db, *args, **kwargs):
        self.runs += 1
        return self.fn(db, *args, **kwargs)


class Paced:
    """A connection of PostgreSQL's on which a pause is made, once, after so many statements."""

    def __init__(self, db, pause, after) -> None:
        self.dialect = db.dialect
        self._db, self._pause, self._left = db, pause, after

    def execute(self, *args):
        result = self._db.execute(*args)
        self._left -= 1
        if self._left == 0 and not self._pause.reached.is_set():
            await_only(self._pause())
        return result


def paced(fn, pause, after):
    """`fn` with a pause after so many of its statements."""

    def run(db, *args, **kwargs):
        return fn(Paced(db, pause, after), *args, **kwargs)

    return run


@POSTGRESQL
async def test_a_message_that_meets_the_end_of_a_turn_does_not_wait_for_nothing(database):
    """It has found the turn open, which closes before it is stored: it is taken all the same."""
    turn, pause = (await accept(database)).turn, Pause()
    found = paced(arrivals.accept, pause, after=2)
    arriving = asyncio.create_task(
        database.write(found, event(), owner="a", now=0, stale_before=-1)
    )
    await pause.reached.wait()
    closing = asyncio.create_task(close(database, turn))
    await eventually(partial(_waits_or_is_done, database, closing))
    pause.go()
    receipt, following = await asyncio.gather(arriving, closing)
    assert following.message_ids == (receipt.message_id,)


@POSTGRESQL
async def test_a_turn_whose_end_meets_a_message_leaves_it_to_a_turn_of_its_own(database):
    """The message came too late for the turn that is closing, and opens one."""
    turn, pause = (await accept(database)).turn, Pause()
    slow = paced(turns.close, pause, after=1)
    closing = asyncio.create_task(database.write(slow, turn, DONE, now=0))
    await pause.reached.wait()
    arriving = asyncio.create_task(accept(database))
    await eventually(partial(_waits_or_is_done, database, arriving))
    pause.go()
    receipt, (_, following) = await asyncio.gather(arriving, closing)
    assert (receipt.turn is None) == (following is not None)
    assert await count(database, messages, messages.c.turn_id.is_(None)) == 0


@POSTGRESQL
async def test_copies_that_meet_at_two_places_open_one_turn(database):
    """The one that has opened a turn before it finds the other stored undoes it."""
    for place in ("alice", "bob"):
        await close(database, (await accept(database, place=place)).turn)
    pause = Pause()
    opened = paced(arrivals.accept, pause, after=2)
    slow = asyncio.create_task(
        database.write(opened, event(key="k"), owner="a", now=0, stale_before=-1)
    )
    await pause.reached.wait()
    first = await accept(database, key="k", place="bob")
    pause.go()
    again = await slow
    assert (again.duplicate, again.turn, again.turn_id) == (True, None, first.turn_id)
    assert await count(database, turns_table, turns_table.c.closed_at.is_(None)) == 1


@POSTGRESQL
async def test_fifty_that_write_to_one_session_never_deadlock(database):
    """Messages that come while turns close: none is lost, and no transaction runs twice."""
    first = await accept(database)
    accepting, closing = Counted(arrivals.accept), Counted(turns.close)
    closed = []

    async def work(turn):
        while turn is not None:
            _, following = await database.write(closing, turn, DONE, now=0)
            closed.append(turn.id)
            turn = following and following.turn

    async def come():
        for _ in range(4):
            receipt = await database.write(accepting, event(), owner="a", now=0, stale_before=-1)
            await work(receipt.turn)

    await asyncio.gather(work(first.turn), *(come() for _ in range(50)))
    assert (accepting.runs, closing.runs) == (200, len(closed))
    assert len(closed) == len(set(closed)) == await count(database, turns_table)
    assert await count(database, messages, messages.c.turn_id.is_(None)) == 0
    assert await count(database, messages) == 201 + len(closed)


@POSTGRESQL
async def test_an_answer_that_cuts_the_window_meets_a_message_without_deadlock(database):
    """`finish` takes its locks in the order in which `accept` takes them."""
    turn = (await accept(database)).turn
    cut = Answer(status=Status.DONE, parts=DONE.parts, window_from=turn.id)
    pause = Pause()

    finish, arrive = Counted(paced(turns.finish, pause, after=1)), Counted(arrivals.accept)
    finishing = asyncio.create_task(database.write(finish, turn, cut, now=0))
    await pause.reached.wait()
    arriving = asyncio.create_task(
        database.write(arrive, event(), owner="a", now=0, stale_before=-1)
    )
    await eventually(partial(_waits_or_is_done, database, arriving))
    pause.go()
    await asyncio.gather(finishing, arriving)
    assert (finish.runs, arrive.runs) == (1, 1)


async def _waits_or_is_done(database, task):
    return task.done() or await database.read(locked_out)


# --- a session's queue ---


async def test_one_message_too_many_is_refused_and_not_stored(database):
    """It can be sent again once the others are answered, and is then a new one."""
    await accept(database, "first")
    for number in range(2):
        await accept(database, f"waits {number}", queue=2)
    with pytest.raises(RateLimited) as refused:
        await accept(database, "too many", key="late", queue=2)
    assert refused.value.retry_after
    assert await count(database, messages) == 3


async def test_a_message_that_waits_already_is_not_counted_again(database):
    """A client that asks again is told the same, however full the queue is."""
    await accept(database, "first")
    waiting = await accept(database, "waits", key="w", queue=1)
    again = await accept(database, "waits", key="w", queue=1)
    assert (again.message_id, again.duplicate) == (waiting.message_id, True)
