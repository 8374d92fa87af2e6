"""Replicas take over from the dead, never from the living, and leave in good order."""

import asyncio

import pytest
from sqlalchemy import select

from core import arrivals, asking, conversation, leases, turns, viewers
from core.database import Contended, DatabaseDown
from core.errors import Transient
from core.facts import HeartbeatMissed, ReplicaStopped, TurnClosed, TurnFenced, TurnsRecovered
from core.tables import replicas
from core.tables import turns as turns_table
from core.turns import BROKE
from core.types import Answer, Status
from tests.core.house import until
from tests.core.stage import (
    POSTGRESQL,
    PULSE,
    PUSH,
    SQLITE,
    WEB,
    Pause,
    Platform,
    Troubled,
    event,
    eventually,
    silence,
    stage,
)
from tests.fakes.scripted import says

LEASED = PULSE.dead / 2
HELLO = ({"type": "text", "text": "Hello"},)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(asking, "COALESCE", 0)
    monkeypatch.setattr(viewers, "ELSEWHERE", 0.01)


async def accepted(database, owner, **options):
    """A message whose turn belongs to a replica that never began it."""
    return await database.write(
        arrivals.accept, event(**options), owner=owner, now=0, stale_before=-1
    )


async def alive(database):
    """The replicas that ever gave a sign of life and did not leave."""
    return await database.read(lambda db: set(db.execute(select(replicas.c.id)).scalars()))


def _answered(db, turn_id):
    return db.execute(select(turns_table.c.status).where(turns_table.c.id == turn_id)).scalar() == (
        Status.ANSWERED
    )


async def beats(database, name):
    """When a replica gave its last sign of life."""
    query = select(replicas.c.beat_at).where(replicas.c.id == name)
    return await database.read(lambda db: db.execute(query).scalar())


# --- signs of life ---


@POSTGRESQL
async def test_a_replica_gives_a_sign_of_life_from_its_start_to_its_end(database):
    """It is there once `start` returned, and gone once `stop` did."""
    async with stage(database, leased=LEASED) as a:
        await a.replica.start()
        assert await alive(database) == {"a"}
        await a.replica.stop(0)
        assert await alive(database) == set()


@POSTGRESQL
async def test_every_tick_is_a_newer_sign_of_life(database):
    """By the database's clock."""
    async with stage(database) as a:
        await a.replica.tick()
        await database.write(silence, "a")
        await a.replica.tick()
        assert await beats(database, "a") > 0


@POSTGRESQL
async def test_the_heart_beats_by_itself(database):
    """Started once, a replica goes on without being called."""
    async with stage(Troubled(database)) as a:
        await a.replica.start()
        await until(lambda: a.database.calls.count(leases.beat) > 3)
        assert set(a.clock.slept) == {PULSE.beat}
        await a.replica.stop(0)


@SQLITE
async def test_alone_on_its_database_a_replica_needs_no_sign_of_life(database):
    """Nobody is there to look for it."""
    async with stage(database) as a:
        await a.replica.start()
        await a.replica.stop(0)
        assert await alive(database) == set()


# --- whose turns are taken over ---


async def test_turns_left_by_a_former_process_are_answered_from_the_start(database, request):
    """`start` takes them over, tells so, and runs them."""
    receipt = await accepted(database, "gone")
    async with stage(database, says("Hello")) as a:
        await a.replica.start()
        (recovered,) = a.told(TurnsRecovered)
        await a.done()
        assert recovered.turn_ids == (receipt.turn_id,)
        assert (await a.turn(receipt.turn_id)).status == "done"
        await a.replica.stop(0)


@POSTGRESQL
async def test_turns_of_a_replica_that_fell_silent_are_taken_over_while_running(database):
    """The survivor's next look finds them, and the dead one's later writes are fenced."""
    pause = Pause()
    async with (
        stage(database, [pause, *says("late")], name="a") as a,
        stage(database, says("Hello"), name="b") as b,
    ):
        await a.replica.tick()
        receipt = await a.say()
        await pause.reached.wait()
        await database.write(silence, "a")
        await b.replica.tick()
        await b.done()
        pause.go()
        await a.done()
        assert [fact.turn_id for fact in a.told(TurnFenced)] == [receipt.turn_id]
        assert a.told(TurnClosed) == []
        assert await b.answer(receipt.turn_id) == [*HELLO]
        assert (await b.turn(receipt.turn_id)).attempt == 2


@POSTGRESQL
async def test_turns_of_a_living_replica_are_never_taken_over(database):
    """However often the others look."""
    pause = Pause()
    async with (
        stage(database, [pause, *says("Hello")], name="a") as a,
        stage(database, name="b") as b,
    ):
        await a.replica.tick()
        receipt = await a.say()
        await pause.reached.wait()
        for _ in range(5):
            await b.replica.tick()
        pause.go()
        await a.done()
        assert b.told(TurnsRecovered) == []
        assert (await a.turn(receipt.turn_id)).attempt == 1


@POSTGRESQL
async def test_a_zombie_that_delivers_is_fenced_at_its_next_note(database):
    """Its part may be out, but it learns at once that the turn is another's, and stops."""
    answered, noted, theirs = Pause(), [], Platform()

    class Slow:
        async def deliver(self, delivery, draft):
            await draft.end()
            whole = draft.text
            await answered()
            await delivery.checkpoint(0, whole)
            noted.append(whole)

    async with (
        stage(database, says("Hello"), name="a", adapter=Slow()) as a,
        stage(database, name="b", adapter=theirs) as b,
    ):
        await a.replica.tick()
        receipt = await a.say(platform=PUSH)
        await answered.reached.wait()
        await database.write(silence, "a")
        await b.replica.tick()
        await b.done()
        answered.go()
        await a.done()
        assert (theirs.taken, noted) == (["Hello"], [])
        assert len(a.told(TurnFenced)) == 1
        assert (await b.turn(receipt.turn_id)).status == "done"


@POSTGRESQL
async def test_what_waits_behind_a_dead_replicas_turn_is_answered_by_the_survivor(database):
    """The session goes on where it was, in order."""
    first = await accepted(database, "dead")
    waiting = await accepted(database, "dead")
    async with stage(database, says("one"), says("two"), name="b") as b:
        await b.replica.tick()
        await b.done()
        assert (await b.turn(first.turn_id)).status == "done"
        turn_id = await b.handler.turn_of(waiting)
        assert await b.answer(turn_id) == [{"type": "text", "text": "two"}]


@POSTGRESQL
async def test_viewers_elsewhere_see_the_end_of_a_turn(database):
    """A replica that does not run the turn finds its answer in the database."""
    pause = Pause()
    async with (
        stage(database, [pause, *says("Hello")], name="a") as a,
        stage(database, name="b") as b,
    ):
        receipt = await a.say()
        await pause.reached.wait()
        watching = asyncio.create_task(b.watch(receipt.turn_id))
        pause.go()
        updates = await watching
        assert "".join(update.text for update in updates) == "Hello"
        assert updates[-1].outcome.status == Status.DONE


# --- lost turns ---


async def test_a_lost_turn_is_taken_up_at_the_second_look(database):
    """At the first one its task may be about to start."""
    async with stage(database, says("Hello")) as a:
        receipt = await accepted(database, "a")
        await a.replica.tick()
        await a.done()
        assert (await a.turn(receipt.turn_id)).status == "running"
        await a.replica.tick()
        await a.done()
        turn = await a.turn(receipt.turn_id)
        assert (turn.status, turn.attempt, turn.blame) == ("done", 2, BROKE)


async def test_a_running_turn_is_not_lost(database):
    """However many looks it outlives."""
    pause = Pause()
    async with stage(database, [pause, *says("Hello")]) as a:
        receipt = await a.say()
        await pause.reached.wait()
        for _ in range(4):
            await a.replica.tick()
        pause.go()
        await a.done()
        assert (await a.turn(receipt.turn_id)).attempt == 1


async def test_a_turn_that_starts_between_two_looks_is_not_lost(database):
    """One suspicion is forgotten when the turn is seen at work."""
    pause = Pause()
    async with stage(database, [pause, *says("Hello")]) as a:
        receipt = await accepted(database, "a")
        await a.replica.tick()
        a.handler.start(receipt.turn)
        await pause.reached.wait()
        await a.replica.tick()
        pause.go()
        await a.done()
        assert (await a.turn(receipt.turn_id)).attempt == 1


# --- leaving ---


async def test_stop_waits_for_the_running_turns(database):
    """They end, what waits behind them too, and nothing is left to release."""
    pause = Pause()
    async with stage(database, [pause, *says("one")], says("two")) as a:
        await a.replica.start()
        await a.say()
        await pause.reached.wait()
        waiting = await a.say()
        stopping = asyncio.create_task(a.replica.stop(20))
        await until(lambda: not a.handler.accepting)
        pause.go()
        await stopping
        assert [fact.released for fact in a.told(ReplicaStopped)] == [0]
        turn = await a.turn(await a.handler.turn_of(waiting))
        assert turn.status == "done"


async def test_stop_releases_what_does_not_end_in_time(database):
    """The turn is free for others at once, and counts no crash."""
    pause = Pause()
    async with stage(database, [pause]) as a:
        await a.replica.start()
        receipt = await a.say()
        await pause.reached.wait()
        await a.replica.stop(0)
        assert [fact.released for fact in a.told(ReplicaStopped)] == [1]
        turn = await a.turn(receipt.turn_id)
        assert (turn.owner, turn.status) == (None, "running")
    async with stage(database, says("Hello"), name="b") as b:
        await b.replica.start()
        await b.done()
        turn = await b.turn(receipt.turn_id)
        assert (turn.status, turn.attempt, turn.blame) == ("done", 2, 0)
        await b.replica.stop(0)


@POSTGRESQL
async def test_while_it_waits_for_its_turns_a_stopping_replica_is_alive(database):
    """Its turns are not taken over before it gives them up, and it keeps none of others."""
    pause = Pause()
    async with stage(database, [pause, *says("Hello")]) as a:
        await a.replica.start()
        await a.say()
        await pause.reached.wait()
        stopping = asyncio.create_task(a.replica.stop(20))
        await until(lambda: not a.handler.accepting)
        orphan = await accepted(database, "dead", place="bob")
        await database.write(silence, "a")
        ticks = len(a.clock.slept)
        await until(lambda: len(a.clock.slept) > ticks + 2)
        assert await beats(database, "a") > 0
        pause.go()
        await stopping
        assert (await a.turn(orphan.turn_id)).owner in {"dead", None}


async def test_a_stop_in_a_hurry_waits_for_no_turn(database):
    """What runs is released at once, although there was time."""
    pause = Pause()
    async with stage(database, [pause]) as a:
        await a.replica.start()
        await a.say()
        await pause.reached.wait()
        stopping = asyncio.create_task(a.replica.stop(1000))
        await until(lambda: not a.handler.accepting)
        a.handler.hurry()
        await stopping
        assert [fact.released for fact in a.told(ReplicaStopped)] == [1]


async def test_a_stopping_replica_takes_no_message(database):
    """From the first moment on."""
    async with stage(database) as a:
        await a.replica.start()
        await a.replica.stop(0)
        with pytest.raises(Transient):
            await a.say()


async def test_no_turn_begins_after_stop(database):
    """A message that was being stored when it came waits for whoever is next."""
    async with stage(Troubled(database), says("Hello")) as a:
        await a.replica.start()
        storing = Pause()
        a.database.meet(conversation._accept, storing)
        accepting = asyncio.create_task(a.say())
        await storing.reached.wait()
        stopping = asyncio.create_task(a.replica.stop(20))
        await until(lambda: not a.handler.accepting)
        for _ in range(20):
            await asyncio.sleep(0)
        storing.go()
        await stopping
        await asyncio.wait({accepting})
        assert (a.handler.running, a.handler._tasks) == (frozenset(), set())


@POSTGRESQL
async def test_no_sign_of_life_comes_after_the_last_one(database):
    """A heartbeat that was on its way does not leave a stopped replica alive for the others."""
    async with stage(Troubled(database)) as a:
        beating = Pause()
        a.database.meet(leases.beat, None, beating)
        await a.replica.start()
        await beating.reached.wait()
        stopping = asyncio.create_task(a.replica.stop(0))
        await asyncio.wait({stopping}, timeout=0.1)  # it may wait for the heartbeat, or not
        beating.go()
        await stopping
        await a.database.settled()
        assert await alive(database) == set()


async def test_stop_ends_although_the_database_is_away(database):
    """The turns then wait until this replica counts as dead."""
    async with stage(Troubled(database)) as a:
        await a.replica.start()
        a.database.meet(leases.release, DatabaseDown("away"))
        await a.replica.stop(0)
        assert a.told(ReplicaStopped) == []


async def test_a_replica_may_be_stopped_before_it_was_started(database):
    """A start that failed half way is undone the same way."""
    async with stage(database) as a:
        await a.replica.stop(0)
        assert a.told(ReplicaStopped) == []


# --- a database that is away ---


@POSTGRESQL
async def test_a_missed_heartbeat_is_told_and_survived(database):
    """The next one is tried as if nothing had been."""
    async with stage(Troubled(database), leased=LEASED) as a:
        a.database.meet(leases.beat, DatabaseDown("away"))
        await a.replica.tick()
        await a.replica.tick()
        assert len(a.told(HeartbeatMissed)) == 1
        assert await beats(database, "a") > 0


@pytest.mark.parametrize("error", [Contended("always"), RuntimeError("a bug")], ids=repr)
async def test_an_error_in_the_sweep_does_not_stop_the_heart(database, error):
    """Whatever goes wrong in one look, there is a next one; and `stop` still stops in order."""
    async with stage(Troubled(database)) as a:
        a.database.meet(leases.recover, None, error)
        await a.replica.start()
        until_later = asyncio.create_task(until(lambda: a.database.calls.count(leases.recover) > 3))
        await asyncio.wait({until_later, a.replica._task}, return_when="FIRST_COMPLETED")
        until_later.cancel()
        assert a.database.calls.count(leases.recover) > 3
        await a.replica.stop(0)
        assert len(a.told(ReplicaStopped)) == 1


@POSTGRESQL
async def test_a_replica_whose_lease_lapsed_drops_its_turns(database):
    """It gives up before the others take over, and writes nothing of what it had."""
    pause = Pause()
    async with stage(Troubled(database), [pause, *says("late")], leased=LEASED) as a:
        await a.replica.tick()
        receipt = await a.say()
        await pause.reached.wait()
        a.clock.advance(LEASED)
        a.database.meet(leases.beat, DatabaseDown("away"))
        await a.replica.tick()
        assert a.handler.running == frozenset()
        assert (await a.turn(receipt.turn_id)).status == "running"


@POSTGRESQL
async def test_a_turn_is_not_to_blame_for_a_lapsed_lease(database):
    """It was the database that was away: the turn is answered later, as if nothing had been."""
    pause = Pause()
    scripts = [[pause, *says("late")], says("Hello")]
    async with stage(Troubled(database), *scripts, leased=LEASED) as a:
        await a.replica.tick()
        receipt = await a.say()
        await pause.reached.wait()
        a.clock.advance(LEASED)
        a.database.meet(leases.beat, DatabaseDown("away"))
        for _ in range(4):
            await a.replica.tick()
            await a.done()
        turn = await a.turn(receipt.turn_id)
        assert turn.status == "done"
        assert turn.blame < BROKE


@POSTGRESQL
async def test_a_turn_that_begins_while_a_lapsed_lease_is_renewed_is_run_once(database):
    """What is given back is what was dropped, not what was accepted since."""
    pause, releasing = Pause(), Pause()
    scripts = [[pause, *says("Hello")], says("again")]
    async with stage(Troubled(database), *scripts, leased=LEASED) as a:
        await a.replica.tick()
        a.clock.advance(LEASED)
        a.database.meet(leases.release, releasing)
        ticking = asyncio.create_task(a.replica.tick())
        reached = asyncio.create_task(releasing.reached.wait())
        await asyncio.wait({ticking, reached}, return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        receipt = await a.say()
        await pause.reached.wait()
        releasing.go()
        await ticking
        await a.replica.tick()
        pause.go()
        await a.done()
        assert (await a.turn(receipt.turn_id)).attempt == 1
        assert a.model.peak == 1


@POSTGRESQL
async def test_a_replica_whose_lease_holds_keeps_its_turns(database):
    """One missed heartbeat is no reason to ask the model again."""
    pause = Pause()
    async with stage(Troubled(database), [pause, *says("Hello")], leased=LEASED) as a:
        await a.replica.tick()
        receipt = await a.say()
        await pause.reached.wait()
        a.clock.advance(LEASED - 1)
        a.database.meet(leases.beat, DatabaseDown("away"))
        await a.replica.tick()
        pause.go()
        await a.done()
        turn = await a.turn(receipt.turn_id)
        assert (turn.status, turn.attempt) == ("done", 1)


@POSTGRESQL
async def test_nothing_is_sent_under_a_lapsed_lease(database):
    """The check before every send finds it, before the database could."""
    pause, adapter = Pause(), Platform()
    async with stage(database, [pause, *says("Hello")], leased=LEASED, adapter=adapter) as a:
        await a.replica.tick()
        receipt = await a.say(platform=PUSH)
        await pause.reached.wait()
        a.clock.advance(LEASED)
        pause.go()
        await a.done()
        assert (adapter.offered, adapter.taken) == (["Hello"], [])
        assert [fact.turn_id for fact in a.told(TurnFenced)] == [receipt.turn_id]


@POSTGRESQL
async def test_a_replica_that_slept_too_long_does_not_send_what_another_has_sent(database):
    """A sign of life renews the lease of what comes, not of turns that may be lost already."""
    asleep = Pause()  # the machine, while the answer is about to be sent
    ours, theirs = Platform(asleep), Platform()
    async with (
        stage(database, says("Hello"), name="a", adapter=ours, leased=LEASED) as a,
        stage(database, name="b", adapter=theirs, leased=LEASED) as b,
    ):
        await a.replica.tick()
        receipt = await a.say(platform=PUSH)
        await asleep.reached.wait()
        await eventually(lambda: database.read(_answered, receipt.turn_id))
        a.clock.advance(PULSE.dead * 2)
        await database.write(silence, "a")
        await b.replica.tick()
        await b.done()
        await a.replica.tick()
        asleep.go()
        await a.done()
        assert (theirs.taken, ours.taken) == (["Hello"], [])


@POSTGRESQL
async def test_the_lease_counts_from_before_the_sign_of_life_was_sent(database):
    """The others may have seen it the moment it left, however long its answer took."""

    async def slow():
        a.clock.advance(LEASED)

    async with stage(Troubled(database), leased=LEASED) as a:
        a.database.meet(leases.beat, slow)
        await a.replica.tick()
        assert a.lease.lapsed


@SQLITE
async def test_without_other_replicas_the_lease_never_lapses(database):
    """A machine that was suspended overnight goes on where it was."""
    pause, adapter = Pause(), Platform()
    async with stage(database, [pause, *says("Hello")], adapter=adapter) as a:
        await a.say(platform=PUSH)
        await pause.reached.wait()
        a.clock.advance(100_000)
        pause.go()
        await a.done()
        assert adapter.taken == ["Hello"]


async def test_start_fails_while_the_database_is_away(database):
    """The operator is told, rather than a server that answers nobody."""
    async with stage(Troubled(database)) as a:
        a.database.meet(leases.recover, DatabaseDown("away"))
        with pytest.raises(DatabaseDown):
            await a.replica.start()


# --- an answer that is there already ---


@POSTGRESQL
async def test_an_answer_of_the_dead_goes_out_once_among_many_survivors(database):
    """However many look at once, one delivers."""
    receipt = await accepted(database, "dead", platform=PUSH)
    answer = Answer(status=Status.DONE, parts=HELLO)
    await database.write(turns.finish, receipt.turn, answer, now=0)
    platform = Platform()
    async with (
        stage(database, name="a", adapter=platform) as a,
        stage(database, name="b", adapter=platform) as b,
        stage(database, name="c", adapter=platform) as c,
    ):
        replicas_ = (a, b, c)
        for one in replicas_:
            await database.write(leases.beat, one.name)
        await asyncio.gather(*(one.replica.tick() for one in replicas_))
        await asyncio.gather(*(one.done() for one in replicas_))
        assert platform.taken == ["Hello"]
        assert [one.model.calls for one in replicas_] == [[], [], []]


@POSTGRESQL
@pytest.mark.parametrize("platform", [WEB, PUSH])
async def test_messages_spread_over_replicas_are_answered_in_order(database, platform):
    """One session, three replicas that accept: never two calls at once, none lost."""
    adapter = Platform()
    async with (
        stage(database, *[says("ok")] * 30, name="a", adapter=adapter) as a,
        stage(database, *[says("ok")] * 30, name="b", adapter=adapter) as b,
        stage(database, *[says("ok")] * 30, name="c", adapter=adapter) as c,
    ):
        replicas_ = (a, b, c)
        for one in replicas_:
            await database.write(leases.beat, one.name)
        sayings = [
            replicas_[number % 3].say(str(number), platform=platform) for number in range(30)
        ]
        receipts = await asyncio.gather(*sayings)
        for one in replicas_:
            await one.done()
        ids = {str(number): receipt.message_id for number, receipt in enumerate(receipts)}
        said = await a.said(receipts[0].session_id)
        assert [text for role, text in said if role == "user"] == sorted(ids, key=ids.get)
        closed = [fact for one in replicas_ for fact in one.told(TurnClosed)]
        answers = [text for role, text in said if role == "assistant"]
        assert len(closed) == len(answers) == sum(len(one.model.calls) for one in replicas_)
        assert {fact.status for fact in closed} == {Status.DONE}
