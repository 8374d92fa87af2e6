"""People are known by what platforms call them, and can be told something unasked."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import insert

from core import account, linking, people, transcript
from core.again import again
from core.errors import NotFound, Rejected
from core.tables import addresses
from core.types import Address, Sender
from tests.core.stage import PUSH, Pause, Platform, event, stage
from tests.core.test_again import accept
from tests.fakes.scripted import says

ADA = Sender(external_id="ada", name="Ada")
BOB = Sender(external_id="bob")


async def known(database, **options):
    return await database.read(people.listed, limit=9, **options)


async def owners(database, *receipts):
    """Who asked each of the turns."""
    return [receipt.turn.person_id for receipt in receipts]


async def test_somebody_new_is_known_from_then_on(database):
    """By the platform's name for them, and once, wherever they write."""
    first = await accept(database, "one", sender=ADA)
    second = await accept(database, "two", place="elsewhere", sender=ADA)
    third = await accept(database, "three", place="bob's", sender=BOB)
    ada, bob = (await known(database))[::-1]
    assert await owners(database, first, second, third) == [ada.id, ada.id, bob.id]
    [identity] = ada.identities
    assert (identity.platform, identity.account) == ("web", "x")
    assert (identity.external_id, identity.name) == ("ada", "Ada")


async def test_many_who_meet_somebody_at_once_meet_one(database):
    """Their first messages come together, at several places."""
    receipts = await asyncio.gather(
        *(accept(database, "Hi", place=f"p{n}", sender=ADA) for n in range(8))
    )
    [ada] = await known(database)
    assert set(await owners(database, *receipts)) == {ada.id}


async def test_in_a_channel_each_message_is_its_senders(database):
    """The conversation is nobody's, the turn whose message it answers."""
    channel = Address(platform="web", account="x", conversation="c", direct=False)
    one = await accept(database, "one", sender=ADA, address=channel)
    await accept(database, "two", sender=BOB, address=channel)
    ada = (await known(database))[-1]
    assert one.turn.person_id == ada.id
    with pytest.raises(NotFound):
        await database.read(people.reach, ada.id)


async def test_what_waited_is_answered_as_its_senders(database):
    """The turn that follows knows who asked."""
    channel = Address(platform=PUSH, account="x", conversation="c", direct=False)
    async with stage(database, says("a"), says("b"), adapter=Platform()) as theatre:
        made = [
            replace(event(words, platform=PUSH), address=channel, sender=sender)
            for words, sender in (("one", ADA), ("two", BOB))
        ]
        await theatre.handler.accept(made[0])
        second = await theatre.handler.accept(made[1])
        await theatre.done()
        turn = await theatre.turn(await theatre.handler.turn_of(second))
        bob = (await known(database))[0]
        assert turn.person_id == bob.id


async def test_a_person_is_reached_where_they_last_wrote(database):
    """To us alone; on the platform that is asked for, if one is."""
    async with stage(database, *[says("Ok.")] * 3, adapter=Platform()) as theatre:
        for number, (place, platform) in enumerate((("a", "web"), ("b", "web"), ("c", PUSH))):
            theatre.clock.advance(1)
            said = replace(
                event(f"{number}", place=place, platform=platform),
                sender=ADA,
                origin={"n": number},
            )
            await theatre.handler.accept(said)
            await theatre.done()
        web, push = await known(database, platform="web"), await known(database, platform=PUSH)
        reach = await database.read(people.reach, web[0].id)
        assert (reach.address.conversation, reach.origin) == ("b", {"n": 1})
        found = await database.read(people.reach, push[0].id, PUSH)
        assert found.address.platform == PUSH
        with pytest.raises(NotFound):
            await database.read(people.reach, push[0].id, "web")


async def test_of_whoever_is_erased_there_is_no_name(database):
    """What their turns cost is nobody's; they stay known to us, without a name."""
    receipt = await accept(database, "one", sender=ADA, language="de")
    await database.write(account.erase_some, "web", "x", now=1)
    [ada] = await known(database)
    assert (ada.id, ada.name, ada.identities[0].name) == (receipt.turn.person_id, None, None)
    assert await database.read(people.language, ada.id) is None
    with pytest.raises(NotFound):
        await database.read(people.reach, ada.id)


async def test_whoever_is_erased_begins_no_allowance_anew(database):
    """They are the same person when they come back, and nobody else has their id meanwhile."""
    first = await accept(database, "one", sender=ADA)
    await database.write(account.erase_some, "web", "x", now=1)
    other = await accept(database, "two", place="bob's", sender=BOB)
    again = await accept(database, "three", place="ada's", sender=ADA)
    assert other.turn.person_id != first.turn.person_id
    assert again.turn.person_id == first.turn.person_id


async def test_the_codes_of_whoever_is_erased_are_void(database):
    """Nobody is linked by them any more."""
    receipt = await accept(database, "!link", sender=ADA)
    await database.write(linking.begin, receipt.turn, linking.digest("AAAA0000"), now=1)
    await database.write(account.erase_some, "web", "x", now=1)
    typed = await accept(database, "!link AAAA-0000", place="bob's", sender=BOB)
    outcome = await database.write(
        linking.redeem, typed.turn, linking.digest("AAAA0000"), apart=False, now=2
    )
    assert outcome is linking.Outcome.WRONG


async def test_in_a_conversation_with_several_places_a_person_is_reached_at_the_last(database):
    """That where they were told something is none of those where they wrote."""
    there = Address(platform=PUSH, account="x", conversation="new")
    async with stage(database, *[says("Ok.")] * 2, adapter=Platform()) as theatre:
        receipt = await theatre.handler.accept(
            replace(event("one", platform=PUSH), sender=ADA, origin={"n": 1})
        )
        await theatre.done()
        [ada] = await known(database)
        more = {"session_id": receipt.session_id, "direct": True, "conversation": "new"}
        await database.write(
            lambda db: db.execute(insert(addresses).values(platform=PUSH, account="x", **more))
        )
        reach = await database.read(people.reach, ada.id)
        assert (reach.address.conversation, reach.origin) == ("alice", {"n": 1})
        told = people.telling(ada.id, people.Reach(address=there, origin=None), "News.", name="n")
        await theatre.handler.accept(told)
        await theatre.done()
        assert await database.read(people.reach, ada.id) == reach
        back = replace(event("two", platform=PUSH), address=there, sender=ADA)
        await theatre.handler.accept(back)
        await theatre.done()
        assert (await database.read(people.reach, ada.id)).address == there


async def test_people_come_in_pages(database):
    """The newest first."""
    for name in "abc":
        await accept(database, name, place=name, sender=Sender(external_id=name))
    newest = (await known(database))[0].id
    rest = await known(database, before=newest)
    assert [each.identities[0].external_id for each in rest] == ["b", "a"]


def tell(words, *, name="n"):
    address = Address(platform=PUSH, account="x", conversation="alice")
    return people.telling(7, people.Reach(address=address, origin=None), words, name=name)


async def test_a_person_is_told_something_unasked(database):
    """It goes out like an answer, once however often it is asked for, and no model is asked."""
    adapter = Platform()
    async with stage(database, says("Hello."), says("Yes."), adapter=adapter) as theatre:
        await theatre.handler.accept(event("Hi", platform=PUSH))
        await theatre.done()
        for _ in range(2):
            receipt = await theatre.handler.accept(tell("Your parcel is here."))
            await theatre.done()
        assert adapter.taken == ["Hello.", "Your parcel is here."]
        assert len(theatre.model.calls) == 1
        await theatre.handler.accept(event("Where?", platform=PUSH))
        await theatre.done()
        seen = [message.text for message in theatre.model.prompts[-1].messages]
        assert seen == [
            "Hi",
            "Hello.",
            "[They were sent this message without asking: “Your parcel is here.”]",
            "Your parcel is here.",
            "Where?",
        ]
        shown = await database.read(
            transcript.conversation, receipt.session_id, before=None, limit=9
        )
        assert [(message.role, message.parts) for message, _ in shown][2:3] == [
            ("assistant", ({"type": "text", "text": "Your parcel is here."},))
        ]


async def test_what_is_told_keeps_its_place_among_questions(database):
    """While an answer runs it waits, and goes out with what waits beside it."""
    adapter, pause = Platform(), Pause()
    async with stage(database, [pause, *says("One.")], says("Two."), adapter=adapter) as theatre:
        await theatre.handler.accept(event("1?", platform=PUSH))
        await theatre.handler.accept(tell("News."))
        await theatre.handler.accept(event("2?", platform=PUSH))
        pause.go()
        await theatre.done()
        assert adapter.taken == ["One.", "News.\n\nTwo."]


async def test_what_is_told_stands_whatever_becomes_of_the_question_beside_it(database):
    """A model that declines, or can't answer, takes back its own words alone."""
    for script in (says("No", stop_reason="refusal"), [Rejected("no")]):
        adapter, pause = Platform(), Pause()
        async with stage(database, [pause, *says("One.")], script, adapter=adapter) as theatre:
            await theatre.handler.accept(event("1?", platform=PUSH))
            await theatre.handler.accept(tell("News.", name=str(script)))
            second = await theatre.handler.accept(event("2?", platform=PUSH))
            pause.go()
            await theatre.done()
            assert adapter.taken[-1].startswith("News.\n\n")
            turn = await theatre.handler.turn_of(second)
            assert (await theatre.answer(turn))[0] == {"type": "text", "text": "News.\n\n"}


async def test_the_same_name_is_the_same_message_wherever_its_person_writes_by_now(database):
    """They are told once."""
    address = Address(platform=PUSH, account="x", conversation="alice")
    elsewhere = replace(address, conversation="other")
    adapter = Platform()
    async with stage(database, says("a"), says("b"), adapter=adapter) as theatre:
        for where in (address, elsewhere):
            told = people.telling(7, people.Reach(address=where, origin=None), "News.", name="n")
            receipt = await theatre.handler.accept(told)
            await theatre.done()
        assert receipt.duplicate
        assert adapter.taken == ["News."]
        assert await database.read(people.told, receipt.message_id) == "News."


async def test_an_answer_anew_takes_along_what_was_told(database):
    """It is not replaced: whoever asked for it does not know of it."""
    async with stage(database, says("One."), says("Again."), adapter=Platform()) as theatre:
        first = await theatre.handler.accept(event("1?", platform=PUSH))
        await theatre.done()
        await theatre.handler.accept(tell("News."))
        await theatre.done()
        receipt = await database.write(again, first.session_id, first.turn_id, owner="a", now=1)
        theatre.handler.start(receipt.turn)
        await theatre.done()
        answer = await theatre.answer(receipt.turn_id)
        assert answer == [{"type": "text", "text": "News.\n\nAgain."}]
