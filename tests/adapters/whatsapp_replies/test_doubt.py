"""Whatever befalls a call, its person reads each part once, and in order."""

import pytest

from tests.adapters.whatsapp_replies.stage import (
    ANA,
    BEN,
    BUSINESS,
    HASTY,
    LONG,
    Status,
    connected,
    says,
)
from tests.core.stage import SQLITE

SERVICE = "MG" + "0" * 32


def words(house):
    return " ".join(house.read()).split()


async def whole(house):
    """Both parts were read, once."""
    turn = await house.ask(step=0.5)
    assert turn.status == Status.DONE
    assert words(house) == LONG.split()
    assert [part[-5:] for part in house.seen()] == ["(1/2)", "(2/2)"]


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_a_500_is_looked_into(database, accepted, part):
    """Whether or not Twilio took the part before it failed."""
    async with connected(database, says(LONG)) as house:
        house.fake.answer("create", status=500, accepted=accepted, after=part)
        await whole(house)


@SQLITE
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_a_connection_that_drops_is_looked_into(database, accepted, part):
    """Whether or not Twilio took the part before that."""
    async with connected(database, says(LONG)) as house:
        house.fake.drop("create", accepted=accepted, after=part)
        await whole(house)


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_a_call_that_hangs_is_looked_into(database, accepted):
    """The answer does not wait for ever for what Twilio says."""
    async with connected(database, says(LONG), timeouts=HASTY) as house:
        house.fake.hang("create", accepted=accepted)
        await whole(house)


@SQLITE
@pytest.mark.parametrize("status", [500, 429])
async def test_a_look_that_fails_is_taken_again(database, status):
    """Nothing is sent anew before one went well."""
    async with connected(database, says(LONG)) as house:
        house.fake.answer("create", status=500, accepted=True)
        house.fake.answer("list", status=status, times=4)
        await whole(house)
        assert len(house.fake.called("create")) == 2


@SQLITE
async def test_a_service_is_looked_into_too(database):
    """What waits for its sender to be chosen is found."""
    async with connected(database, says("Once."), service=SERVICE) as house:
        house.fake.services[SERVICE] = (BUSINESS,)
        house.fake.answer("create", status=500, accepted=True)
        await house.ask()
        assert house.seen() == ["Once."]


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_the_same_answer_twice_is_read_twice(database, accepted):
    """The first one is not taken for the second, whose fate is unknown."""
    async with connected(database, says("Yes."), says("Yes.")) as house:
        await house.ask()
        house.fake.answer("create", status=500, accepted=accepted)
        await house.ask("And?")
        assert house.seen() == ["Yes.", "Yes."]


@SQLITE
async def test_what_failed_is_not_taken_for_what_is_in_doubt(database):
    """A message of the same words that never arrived is no answer."""
    async with connected(database, says("Yes."), says("Yes.")) as house:
        await house.ask()
        [lost] = house.fake.sent(ANA)
        await house.report(lost.sid, "failed", 63016)
        house.fake.answer("create", status=500, times=2)
        await house.ask("And?")
        assert house.seen() == ["Yes.", "Yes."]


@SQLITE
async def test_429_for_long_is_waited_out(database):
    """The answer is there once there is room, and nothing is looked up for it."""
    async with connected(database, says(LONG)) as house:
        house.fake.fail("create", 20429, status=429, retry_after=1, times=30, after=1)
        await whole(house)
        assert not house.fake.called("list")


@SQLITE
async def test_a_person_who_had_too_many_hears_the_rest_later(database):
    """Twilio says 63018, and how long it takes until there is room, it does not say."""
    async with connected(database, says(LONG)) as house:
        house.fake.pair_limit_at_create = True
        house.fake.pairs.burst, house.fake.pairs.every = 1, 90
        begun = house.clock.monotonic()
        await whole(house)
        assert house.clock.monotonic() - begun > 80


@SQLITE
async def test_nobody_waits_for_anothers_call(database):
    """Ana's hangs, Ben is answered."""
    async with connected(database, says("To Ana."), says("To Ben.")) as house:
        hold = house.fake.hang("create", to=ANA)
        await house.hear()
        await hold.reached.wait()
        await house.hear(person=BEN)
        await house.until(lambda: house.seen(BEN))
        assert (house.seen(), house.seen(BEN)) == ([], ["To Ben."])
        hold.release()
        await house.done()
        assert house.seen() == ["To Ana."]


@SQLITE
async def test_parts_keep_their_distance(database):
    """Closer together, they may arrive the other way round."""
    async with connected(database, says(LONG)) as house:
        await house.hear()
        await house.between()
        await house.flow(0.9)
        assert len(house.seen()) == 1
        house.clock.advance(0.2)
        await house.until(lambda: len(house.seen()) == 2)
