"""Wherever a process dies over an answer, its person reads each part once."""

import pytest

from adapters.whatsapp.sending import YOUNG
from core import deliveries
from core.facts import TurnFenced
from core.types import Status
from tests.adapters.whatsapp_replies.stage import ANA, BUSINESS, LONG, Pause, connected, says
from tests.core.stage import SQLITE, Troubled, silence


async def whole(heir):
    """What the dead began is read as if nothing had happened."""
    await heir.done()
    assert " ".join(heir.read()).split() == LONG.split()
    assert [part[-5:] for part in heir.seen()] == ["(1/2)", "(2/2)"]


@SQLITE
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_a_death_before_a_part_is_noted(database, accepted, part):
    """Whether Twilio took it is looked up."""
    async with connected(database, says(LONG)) as house:
        hold = house.fake.hang("create", accepted=accepted, after=part)
        await house.hear()
        if part:
            await house.between()
            await house.flow(1.1)
        await hold.reached.wait()
        await whole(await house.succeeded())


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_a_death_on_either_engine(database):
    """The heir goes on with what Twilio took."""
    async with connected(database, says(LONG)) as house:
        await house.stage.replica.tick()
        hold = house.fake.hang("create", accepted=True)
        await house.hear()
        await hold.reached.wait()
        if not database.single:
            await database.write(silence, "a")
        await whole(await house.succeeded())


@SQLITE
@pytest.mark.parametrize("note", [0, 1, 2, 3], ids=["intent 1", "id 1", "intent 2", "id 2"])
async def test_a_death_at_a_note(database, note):
    """Before the intent nothing was sent; before the id it is looked up."""
    troubled, pause = Troubled(database), Pause()
    async with connected(troubled, says(LONG)) as house:
        troubled.meet(deliveries.checkpoint, *[None] * note, pause)
        await house.hear()
        if note > 1:
            await house.between()
            await house.flow(1.1)
        await pause.reached.wait()
        heir = await house.succeeded()
        pause.go()
        await troubled.settled()
        await whole(heir)


@SQLITE
async def test_a_death_between_two_parts(database):
    """The second one follows."""
    async with connected(database, says(LONG)) as house:
        await house.hear()
        await house.between()
        await whole(await house.succeeded())


@SQLITE
async def test_a_death_before_the_end_of_the_model(database):
    """Nothing was sent of what it had said; the next one's answer is read."""
    async with connected(database, says("Half an ", Pause())) as house:
        await house.hear()
        await house.until(lambda: house.stage.model.calls)
        heir = await house.succeeded(says("Whole."))
        await heir.done()
        assert heir.seen() == ["Whole."]


@SQLITE
async def test_what_a_dead_process_has_sent_may_still_arrive(database):
    """The heir does not look, and send anew, before it would have."""
    async with connected(database, says("Once.")) as house:
        house.fake.hang("create")
        await house.hear()
        await house.fake.came("create")
        heir = await house.succeeded()
        await heir.flow(YOUNG - 1)
        assert not house.fake.called("list")
        await heir.twilio.send(to=ANA, sender=BUSINESS, body="Once.")  # as if it were theirs
        await heir.done()
        assert heir.seen() == ["Once."]


@SQLITE
async def test_the_same_answer_before_is_not_taken_for_the_one_of_the_dead(database):
    """It was noted as another turn's."""
    async with connected(database, says("Yes."), says("Yes.")) as house:
        await house.ask()
        hold = house.fake.hang("create")
        await house.hear("And?")
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert heir.seen() == ["Yes.", "Yes."]


@SQLITE
async def test_a_turn_of_somebody_else_sends_nothing(database):
    """A process that was away for longer than its lease keeps quiet."""
    pause = Pause()
    async with connected(database, says("One ", pause, "two."), leased=30) as house:
        _, receipt = await house.hear()
        await pause.reached.wait()
        house.clock.advance(31)
        pause.go()
        await house.done()
        assert not house.fake.called("create")
        assert (await house.turn(receipt)).status != Status.DONE


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_turn_that_was_taken_over_sends_nothing(database):
    """Also if nobody has told the process that had it: its next note is refused."""
    async with connected(database, says(LONG)) as house:
        await house.stage.replica.tick()
        await house.hear()
        await house.between()
        await database.write(silence, "a")
        heir = await house.joined()
        await house.flow(10)
        assert house.stage.told(TurnFenced)
        await whole(heir)
