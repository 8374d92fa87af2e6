"""What commands do, once, however often their turn is taken up; and in whose language."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from core import choices, people, transcript
from core.commands import Command
from core.errors import Fenced, Rejected
from core.manner import Manner
from core.personas import Persona, Personas
from core.tables import codes, deliveries, files, messages, sessions
from core.types import Attachment, Sender, Status
from tests.core.stage import MODEL, PUSH, SUMMING, Pause, Platform, event, stage
from tests.core.test_again import accept
from tests.core.test_turns import recover
from tests.fakes.scripted import says

ADA = Sender(external_id="ada")
MANNER = Manner(
    system_prompt="Be kind.",
    personas=Personas(
        (Persona(key="sage", name="Sage", role="writer", greeting="Well met {you}."),)
    ),
)


def said(words, name=None, argument="", **changes):
    made = replace(event(words, platform=PUSH), sender=ADA)
    return replace(made, command=name, argument=argument, **changes)


async def replies(theatre, adapter, *commands):
    """The reply to each command."""
    for name, argument in commands:
        await theatre.handler.accept(said(f"!{name}", name, argument))
        await theatre.done()
    return adapter.taken[-len(commands) :]


async def count(database, table, *where):
    query = select(func.count()).select_from(table).where(*where)
    return await database.read(lambda db: db.execute(query).scalar())


async def test_who_answers_and_by_what_is_chosen_for_one_conversation(database):
    """By name, from those that there are, until it is taken back."""
    adapter = Platform()
    async with stage(database, adapter=adapter, manner=MANNER) as theatre:
        told = await replies(
            theatre,
            adapter,
            ("persona", ""),
            ("persona", "SAGE"),
            ("persona", "nobody"),
            ("model", SUMMING),
            ("model", "gpt"),
        )
        assert "**Sage**: writer" in told[0]
        assert told[1] == "From now on Sage answers here.\n\nWell met {you}."
        assert "I don't know “nobody”" in told[2]
        assert f"{SUMMING} answers here" in told[3]
        assert "I don't have the model “gpt”" in told[4]
        session = await database.read(transcript.find_session, said("").address)
        chosen = await database.read(choices.chosen, session)
        assert chosen == choices.Choice(persona="sage", model=SUMMING)
        told = await replies(theatre, adapter, ("persona", ""), ("model", ""))
        assert "Now: Sage" in told[0]
        assert f"Now: {SUMMING}" in told[1]
        await replies(theatre, adapter, ("persona", "usual"), ("model", "usual"))
        assert await database.read(choices.chosen, session) == choices.Choice()


async def test_it_says_what_it_is(database):
    """An AI, of a version, by which model."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        [told] = await replies(theatre, adapter, ("about", ""))
        assert all(each in told for each in ("9.8.7", "an AI, not a person", MODEL))


async def test_a_code_is_one_however_often_its_turn_is_taken_up(database):
    """Of two attempts the last one's is valid, and whoever lost the turn gives none."""
    receipt = await accept(database, "!link", sender=ADA)
    async with stage(database) as theatre:
        command = Command(name="link")
        first = await theatre.obeyer.obey(receipt.turn, [command])
        [taken] = await recover(database, "b", single=True)
        second = await theatre.obeyer.obey(taken, [command])
        assert first.reply != second.reply
        assert await count(database, codes) == 1
        with pytest.raises(Fenced):
            await theatre.obeyer.obey(receipt.turn, [command])


async def test_whoever_is_forgotten_leaves_nothing_said(database):
    """In no conversation of theirs, nor files; other people's stay, and so does what is in line."""
    adapter = Platform()
    async with stage(database, says("a"), says("b"), says("c"), adapter=adapter) as theatre:
        photo = Attachment(name="a.png", source={"url": "x"})
        await theatre.handler.accept(said("secret", files=(photo,)))
        await theatre.done()
        other = replace(said("secret"), address=replace(said("").address, conversation="b"))
        await theatre.handler.accept(other)
        bob = replace(other, sender=Sender(external_id="bob"), text="Bob's", message_key="k")
        bobs = replace(bob, address=replace(bob.address, conversation="c"))
        await theatre.handler.accept(bobs)
        await theatre.done()
        assert "can't be undone" in (await replies(theatre, adapter, ("forget", "")))[0]
        assert await count(database, messages) == 8
        assert "deleted all" in (await replies(theatre, adapter, ("forget", "yes")))[0]
        rows = await database.read(
            lambda db: db.execute(select(messages.c.content)).scalars().all()
        )
        texts = [parts[0]["text"] for parts in rows]
        assert sorted(texts)[:2] == ["!forget", "Bob's"]
        assert len(texts) == 4
        assert await count(database, files) == 0
        assert await count(database, deliveries) == 2
        assert await count(database, sessions, sessions.c.erased_at.is_not(None)) == 1


async def test_replies_are_in_the_persons_language(database):
    """As their message tells; if it does not, as one before did."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        await theatre.handler.accept(said("!about", "about", language="de-DE"))
        await theatre.done()
        await theatre.handler.accept(said("!about", "about", language="fr"))
        await theatre.done()
        await replies(theatre, adapter, ("about", ""))
        assert "kein Mensch" in adapter.taken[0]
        assert "pas une personne" in adapter.taken[1]
        assert "kein Mensch" in adapter.taken[2]
        [ada] = await database.read(people.listed, limit=9)
        assert await database.read(people.language, ada.id) == "de"


async def test_an_apology_is_in_the_persons_language(database):
    """So is what is said about an answer that is not whole."""
    adapter, cut = Platform(), says("Hm", stop_reason="max_tokens")
    async with stage(database, cut, [Rejected("no")], adapter=adapter) as theatre:
        receipt = await theatre.handler.accept(said("Sag!", language="de"))
        await theatre.done()
        assert adapter.taken[0].endswith("Schreib „weiter“, um den Rest zu bekommen.]")
        await theatre.handler.accept(said("Mehr!", language="de"))
        await theatre.done()
        assert adapter.taken[1].startswith("Entschuldige")
        assert (await theatre.turn(receipt.turn_id)).status == Status.DONE


async def test_what_waited_with_the_wish_to_be_forgotten_is_forgotten_too(database):
    """What was said before it, in the same turn; what was said after it is a fresh beginning."""
    adapter, pause = Platform(), Pause()
    scripts = ([pause, *says("a")], says("b"))
    async with stage(database, *scripts, adapter=adapter) as theatre:
        await theatre.handler.accept(said("Hi"))
        for words, name, argument in (
            ("my PIN is 4711", None, ""),
            ("!forget yes", "forget", "yes"),
            ("Hello again", None, ""),
        ):
            await theatre.handler.accept(said(words, name, argument))
        pause.go()
        await theatre.done()
        shown = [m.text for m in theatre.model.prompts[-1].messages]
        assert len(shown) == 1
        assert shown[0].endswith("Hello again")
        rows = await database.read(
            lambda db: db.execute(select(messages.c.content)).scalars().all()
        )
        assert not any("4711" in part.get("text", "") for parts in rows for part in parts)
