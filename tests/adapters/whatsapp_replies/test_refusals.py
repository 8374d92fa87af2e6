"""What Twilio refuses: for good, until its operator mends it, or because of the person."""

import pytest

from core.facts import DeliveryRefused, DeliveryRetried
from core.types import Failure, Status
from tests.adapters.whatsapp_replies.stage import ANA, BEN, LONG, USER, Pause, connected, says
from tests.core.stage import SQLITE

pytestmark = SQLITE
HOUR = 3600


async def test_63018_at_create_is_waited_out(database):
    """Whichever status it comes with."""
    async with connected(database, says("Hello.")) as house:
        house.fake.fail("create", 63018, status=400, times=12)
        turn = await house.ask(step=5)
        assert (house.seen(), turn.status) == (["Hello."], Status.DONE)


async def test_63018_again_and_again_is_waited_for_longer_and_longer(database):
    """Twice as long each time, five minutes at most, unless Twilio says how long."""
    async with connected(database, says("Hello.")) as house:
        house.fake.fail("create", 63018, status=429, times=8)
        house.fake.fail("create", 63018, status=429, times=1, retry_after=7)
        await house.ask(step=5)
        waits = [fact.seconds for fact in house.stage.told(DeliveryRetried)]
        assert waits == [6, 12, 24, 48, 96, 192, 300, 300, 7]
        assert house.seen() == ["Hello."]


async def test_a_user_name_that_twilio_does_not_write_to_is_written_to_by_number(database):
    """Once it was refused it is not tried again; templates go there too."""
    async with connected(database, says("One."), says("Two.")) as house:
        await house.named(USER, ANA)
        house.fake.open_window(ANA)
        house.fake.fail("create", 21211, times=None, to=USER)
        await house.ask(person=USER)
        await house.ask(person=USER)
        assert house.seen(ANA) == ["One.", "Two."]
        await house.announce(USER)
        assert house.seen(ANA)[2:] == ["There is an answer."]
        assert len(house.fake.called("create")) == 4


async def test_a_template_may_be_the_first_to_be_refused_for_a_user_name(database):
    """It goes to the number as well."""
    async with connected(database) as house:
        await house.named(USER, ANA)
        house.fake.fail("create", 21211, to=USER)
        await house.announce(USER)
        assert house.seen(ANA) == ["There is an answer."]


async def test_a_user_name_without_a_number_is_refused_for_good(database):
    """It is asked for each time: the account may be let to, one day."""
    async with connected(database, says("One."), says("Two.")) as house:
        await house.named(USER)
        house.fake.fail("create", 21211, to=USER)
        turn = await house.ask(person=USER)
        assert (turn.status, turn.error) == (Status.FAILED, Failure.UNDELIVERED)
        await house.ask(person=USER)
        assert house.seen(USER) == ["Two."]


async def test_whoever_twilio_says_has_opted_out_hears_nothing_more(database):
    """The answer is refused, and so are the next ones, without asking Twilio."""
    async with connected(database, says(LONG), says("More.")) as house:
        house.fake.opted_out.add(ANA)
        turn = await house.ask()
        assert (turn.status, turn.error) == (Status.FAILED, Failure.UNDELIVERED)
        house.fake.opted_out.clear()
        await house.ask("And?")
        assert house.seen() == []
        assert len(house.fake.called("create")) == 1
        assert (await house.contact()).opted_out_at is not None


async def test_whoever_opts_out_between_two_parts_hears_no_more(database):
    """The rest is not kept for later either."""
    async with connected(database, says(LONG), says("More.")) as house:
        _, receipt = await house.hear()
        await house.between()
        await house.opted()
        await house.done()
        assert (await house.turn(receipt)).error == Failure.UNDELIVERED
        await house.opted(out=False)
        await house.ask("Hello again")
        assert [part[-5:] for part in house.seen()] == ["(1/2)", "More."]


@pytest.mark.parametrize(
    ("code", "status"),
    [(20003, 401), (20003, 403), (20404, 404), (21212, 400), (21606, 400), (63007, 400)],
)
async def test_an_operators_error_waits_for_them(database, code, status):
    """However often it is met, the answer is there once it is mended."""
    async with connected(database, says("Hello.")) as house:
        house.fake.fail("create", code, status=status, times=20)
        turn = await house.ask(step=5)
        assert (house.seen(), turn.status) == (["Hello."], Status.DONE)
        assert len(house.stage.model.prompts) == 1


async def test_a_wrong_token_is_waited_for_whatever_is_asked(database):
    """Also where an answer is looked for, which may have been taken before."""
    async with connected(database, says("Hello.")) as house:
        house.fake.answer("create", status=500, accepted=True)
        _, receipt = await house.hear()
        await house.fake.came("create")
        right = dict(house.fake.keys)
        house.fake.keys = {}
        await house.flow(HOUR, step=20)
        assert (await house.turn(receipt)).status == Status.ANSWERED
        house.fake.keys = right
        await house.done(step=5)
        assert house.seen() == ["Hello."]


async def test_an_operators_error_is_told(database):
    """With its code, and what shows more of it."""
    async with connected(database, says("Hello.")) as house:
        house.fake.fail("create", 63007)
        await house.ask(step=5)
        [retried] = house.stage.told(DeliveryRetried)
        assert "63007" in retried.error
        assert "Hello" not in retried.error


async def test_what_is_refused_for_good_is_not_in_the_way(database):
    """Its turn ends undelivered, and the next answer is read."""
    async with connected(database, says("Bad."), says("Good.")) as house:
        house.fake.fail("create", 21617)
        turn = await house.ask()
        assert (turn.status, turn.error) == (Status.FAILED, Failure.UNDELIVERED)
        assert [fact.error for fact in house.stage.told(DeliveryRefused)] == [
            "HTTP 400, code 21617"
        ]
        turn = await house.ask("And?")
        assert (house.seen(), turn.status) == (["Good."], Status.DONE)


async def test_a_refusal_of_one_person_is_not_anothers(database):
    """Ben hears, though Ana has opted out."""
    async with connected(database, says("To Ana."), says("To Ben.")) as house:
        house.fake.opted_out.add(ANA)
        await house.ask()
        await house.ask(person=BEN)
        assert (house.seen(), house.seen(BEN)) == ([], ["To Ben."])


async def test_a_call_that_never_left_is_made_again(database):
    """Nothing has to be looked up for it."""
    pause = Pause()
    async with connected(database, says("Hello.", pause)) as house:
        _, receipt = await house.hear()
        port = int(house.fake.url.rpartition(":")[2])
        await house.fake.stop()
        pause.go()
        await house.flow(2)
        assert house.stage.told(DeliveryRetried)
        await house.fake.start(port)
        await house.done()
        assert (await house.turn(receipt)).status == Status.DONE
        assert house.seen() == ["Hello."]
        assert not house.fake.called("list")
