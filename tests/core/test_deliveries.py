"""What an adapter knows of a delivery besides the answer's words."""

from dataclasses import replace

from core import deliveries, transcript
from core.errors import Fenced
from core.types import Address
from tests.core.stage import PUSH, Pause, Platform, event, stage
from tests.fakes.scripted import forever, says


class Curious(Platform):
    """Writes down what it is told, and adopts an address."""

    def __init__(self, place=None) -> None:
        super().__init__()
        self.origins, self.relatives, self.place = [], [], place

    async def deliver(self, delivery, draft):
        self.origins.append(delivery.origins)
        self.relatives.append(await delivery.known())
        if self.place is not None:
            await delivery.adopt(self.place)
        await super().deliver(delivery, draft)


async def test_an_adapter_gets_back_what_it_said_of_each_message(database):
    """In the order in which they came, also for those that waited."""
    adapter, pause = Curious(), Pause()
    async with stage(database, [pause, *says("One")], says("Two"), adapter=adapter) as theatre:
        for number in (1, 2, 3):
            await theatre.handler.accept(replace(event(platform=PUSH), origin={"n": number}))
            await pause.reached.wait()
        pause.go()
        await theatre.done()
        assert adapter.origins == [({"n": 1},), ({"n": 2}, {"n": 3})]


async def test_an_adapter_knows_what_was_sent_in_the_session(database):
    """Also for the turns before."""
    adapter = Curious()
    async with stage(database, says("One"), says("Two"), adapter=adapter) as theatre:
        for _ in range(2):
            await theatre.ask(platform=PUSH)
        assert adapter.relatives == [frozenset(), frozenset({"sent"})]


async def test_an_adopted_address_goes_on_with_the_conversation(database):
    """Doing it twice is doing it once, and what belongs to others stays theirs."""
    place = Address(platform=PUSH, account="x", conversation="elsewhere")
    async with stage(database, says("1"), says("2"), says("3"), adapter=Curious(place)) as theatre:
        first = await theatre.say(platform=PUSH)
        await theatre.done()
        second = await theatre.say(platform=PUSH, place="elsewhere")
        await theatre.done()
        assert second.session_id == first.session_id
        other = await theatre.say(platform=PUSH, place="bob")
        await theatre.done()
        assert other.session_id != first.session_id
        assert await database.read(transcript.find_session, place) == first.session_id


async def test_whoever_lost_the_turn_adopts_nothing(database):
    """As with every note about a delivery."""
    async with stage(database, [forever], adapter=Platform()) as theatre:
        receipt = await theatre.say(platform=PUSH)
        late = replace(receipt.turn, attempt=0)
        place = Address(platform=PUSH, account="x", conversation="elsewhere")
        try:
            await database.write(deliveries.adopt, late, place)
        except Fenced:
            assert await database.read(transcript.find_session, place) is None
        else:
            raise AssertionError("it was let in")


async def test_an_adapter_can_stop_the_answer(database):
    """Its reader does not want more."""
    pause = Pause()

    class Stopping(Platform):
        async def deliver(self, delivery, draft):
            await draft.more(0, draft.take)
            delivery.stop()
            pause.go()
            await super().deliver(delivery, draft)

    script = [*says("Half")[:-1], pause, forever]
    async with stage(database, script, adapter=Stopping()) as theatre:
        turn = await theatre.ask(platform=PUSH)
        assert turn.status == "cancelled"
        assert await theatre.answer(turn.id) == [{"type": "text", "text": "Half"}]
