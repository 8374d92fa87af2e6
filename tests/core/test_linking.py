"""One person on two platforms: proven by a code, once; what they said comes together in order."""

import asyncio
import random
from asyncio import FIRST_COMPLETED as FIRST
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, insert, select, update

from core import (
    arrivals,
    linking,
    merging,
    past,
    people,
    spending,
    transcript,
    turns,
    visitors,
)
from core.budgets import Limits, Party
from core.errors import NotFound
from core.joining import Joined
from core.manner import Manner
from core.memory import Strategy
from core.tables import budgets, links, messages, rates, sessions
from core.tables import turns as turns_
from core.types import Answer, Sender, Status
from tests.core.stage import POSTGRESQL, PUSH, Pause, Platform, event, eventually, stage
from tests.core.test_turns import _waits_or_is_done, paced
from tests.fakes.scripted import says

ADA = Sender(external_id="ada", name="Ada")
MINUTE = 60_000
PLAIN = Manner(system_prompt="Be kind.", strategy=Strategy.WINDOW, moment=False)
NOW = 1_800_000_000_000


def said(words, *, platform=PUSH, place="phone", argument="", name=None, **changes):
    made = event(words, platform=platform, place=place)
    sender = Sender(external_id=place)
    return replace(made, sender=sender, command=name, argument=argument, **changes)


class World:
    """Two places of one person, and what is said there, turn by turn, by hand."""

    def __init__(self, database) -> None:
        self.database = database
        self.open = {}  # by place

    async def hear(self, place, words="Hi"):
        receipt = await self.database.write(
            arrivals.accept, said(words, place=place), owner="a", now=NOW, stale_before=-1
        )
        if receipt.turn is not None:
            self.open[place] = receipt.turn
        return receipt

    async def answer(self, turn):
        """Close a turn; what waited in its conversation is open then."""
        self.open = {place: each for place, each in self.open.items() if each.id != turn.id}
        answer = Answer(status=Status.DONE, parts=({"type": "text", "text": f"re {turn.id}"},))
        _, following = await self.database.write(turns.close, turn, answer, now=NOW)
        if following is not None:
            self.open[following.turn.address.conversation] = following.turn
        return following

    async def talk(self, place, words="Hi"):
        receipt = await self.hear(place, words)
        await self.answer(receipt.turn)
        return receipt.turn

    async def code(self, place, code="AAAA0000", now=NOW):
        """A code that is given at a place."""
        turn = (await self.hear(place, "!link")).turn
        assert await self.database.write(linking.begin, turn, linking.digest(code), now=now)
        await self.answer(turn)
        return code

    async def type(self, place, code="AAAA0000", *, now=NOW, apart=False):
        """A code that is typed at a place; the turn stays open."""
        turn = self.open.get(place) or (await self.hear(place, "!link CODE")).turn
        outcome = await self.database.write(
            linking.redeem, turn, linking.digest(code), apart=apart, now=now
        )
        return turn, outcome

    async def link(self, one="phone", other="laptop"):
        """Link two places; the conversations are one if they can be."""
        await self.code(one)
        turn, outcome = await self.type(other)
        assert outcome is linking.Outcome.LINKED
        joined = await self.database.write(linking.join, turn.id, now=NOW)
        if joined is not Joined.BUSY:
            await self.answer(turn)
        return turn, joined

    async def session(self, place):
        return await self.database.read(transcript.find_session, said("", place=place).address)

    async def shown(self, place):
        """What is seen at a place, but for what was said to link them."""
        found = await self.database.read(
            transcript.conversation, await self.session(place), before=None, limit=1000
        )
        texts = [row.parts[0]["text"] for row, _ in found if row.role == "user"]
        return [text for text in texts if not text.startswith("!")]

    async def people(self):
        return await self.database.read(people.listed, limit=9)


@pytest.fixture
def world(database):
    return World(database)


async def nothing_pending(database):
    return not await database.read(linking.pending)


async def value(database, query):
    return await database.read(lambda db: db.execute(query).scalar())


async def test_whoever_types_the_code_is_the_same_person(world):
    """The older one stays, by both names, and has the conversations of both."""
    first = await world.talk("phone", "I am Ada")
    await world.talk("laptop", "I like tea")
    _, joined = await world.link()
    assert joined is Joined.ONE
    [ada] = await world.people()
    assert ada.id == first.person_id
    assert [each.external_id for each in ada.identities] == ["phone", "laptop"]
    assert await world.session("phone") == await world.session("laptop")
    assert await world.shown("phone") == ["I am Ada", "I like tea"]


@pytest.mark.parametrize(
    ("late", "code", "times", "outcome"),
    [
        (0, "AAAA0000", 1, linking.Outcome.LINKED),
        (0, "AAAA0000", 2, linking.Outcome.WRONG),
        (10 * MINUTE, "AAAA0000", 1, linking.Outcome.WRONG),
        (0, "AAAA0001", 1, linking.Outcome.WRONG),
    ],
    ids=["right", "used", "late", "guessed"],
)
async def test_a_code_is_good_once_and_for_ten_minutes(world, late, code, times, outcome):
    """Used, late or guessed it is refused, and nothing is linked by it."""
    await world.code("phone")
    for place in ("laptop", "tablet")[:times]:
        turn, found = await world.type(place, code, now=NOW + late)
        await world.answer(turn)
    assert found is outcome
    assert len(await world.people()) == (1 if outcome is linking.Outcome.LINKED else 2)


async def test_a_new_code_makes_the_old_one_void(world):
    """One is valid for each person."""
    await world.code("phone", "AAAA0000")
    await world.code("phone", "BBBB1111")
    turn, outcome = await world.type("laptop", "AAAA0000")
    await world.answer(turn)
    assert outcome is linking.Outcome.WRONG
    assert (await world.type("laptop", "BBBB1111"))[1] is linking.Outcome.LINKED


async def test_guessing_ends_after_five_wrong_codes(world):
    """Then a right one is refused too, until ten minutes have passed."""
    for number in range(5):
        turn, outcome = await world.type("laptop", f"ZZZZ000{number}")
        await world.answer(turn)
        assert outcome is linking.Outcome.WRONG
    await world.code("phone", now=NOW + 9 * MINUTE)
    turn, outcome = await world.type("laptop", now=NOW + 9 * MINUTE)
    await world.answer(turn)
    assert outcome is linking.Outcome.LOCKED
    assert (await world.type("laptop", now=NOW + 11 * MINUTE))[1] is linking.Outcome.LINKED


async def test_a_turn_that_is_taken_up_again_links_once(world):
    """What it has done it finds done; a wrong code counts once."""
    await world.code("phone")
    turn, _ = await world.type("laptop")
    assert (await world.type("laptop"))[1] is linking.Outcome.LINKED
    assert await value(world.database, select(func.count()).where(links.c.kind == "linked")) == 1
    await world.answer(turn)
    await world.type("tablet", "ZZZZ0000")
    assert (await world.type("tablet", "ZZZZ0000"))[1] is linking.Outcome.WRONG
    assert await value(world.database, select(func.count()).where(links.c.kind == "wrong")) == 1


async def test_of_two_who_type_one_code_at_once_one_is_linked(world):
    """The other is refused."""
    await world.code("phone")
    places = ("laptop", "tablet", "watch")
    for place in places:
        await world.hear(place)
    found = await asyncio.gather(*(world.type(place) for place in places))
    outcomes_ = sorted(outcome for _, outcome in found)
    assert outcomes_ == [linking.Outcome.LINKED, *[linking.Outcome.WRONG] * 2]


async def test_while_one_answers_the_other_moves(world):
    """The conversation that is at rest goes over to the one that is not; if none is, both wait."""
    await world.talk("phone", "one")
    await world.code("phone")
    busy = await world.hear("phone", "two")
    turn, _ = await world.type("laptop")
    await world.hear("laptop", "three")
    joining = (linking.join, turn.id)
    assert await world.database.write(*joining, now=NOW) is Joined.BUSY
    await world.answer(turn)
    assert await world.database.write(*joining, now=NOW) is Joined.BUSY
    await world.answer(world.open["laptop"])
    assert await world.database.write(*joining, now=NOW) is Joined.ONE
    await world.hear("laptop", "four")
    assert "laptop" not in world.open
    await world.answer(busy.turn)
    assert world.open["laptop"].session_id == busy.session_id
    assert await world.shown("laptop") == ["one", "two", "three", "four"]


async def test_what_was_cleared_on_either_side_stays_cleared(world):
    """And what is left is seen on both."""
    await world.talk("phone", "old")
    await world.talk("laptop", "older")
    await world.database.write(transcript.reset, await world.session("phone"))
    await world.talk("phone", "new")
    await world.talk("laptop", "newer")
    await world.link()
    assert await world.shown("phone") == ["older", "new", "newer"]
    found = await world.database.read(
        transcript.spoken, await world.session("phone"), turn_id=10**9
    )
    assert "old" not in [each.parts[0]["text"] for each in found]


async def test_a_condensed_past_and_a_fresh_one_are_both_remembered(world):
    """The summary stays; what the other said before its end is condensed by rules."""
    await world.talk("laptop", "My name is Ada, remember 42")
    for number in range(3):
        turn = await world.talk("phone", f"{number}")
    session = await world.session("phone")
    await world.database.write(
        lambda db: db.execute(
            update(sessions)
            .where(sessions.c.id == session)
            .values(window_from=turn.id, summary="They count.")
        )
    )
    await world.link()
    row = await world.database.read(
        lambda db: db.execute(select(sessions).where(sessions.c.erased_at.is_(None))).one()
    )
    assert row.window_from == turn.id
    assert "They count." in row.summary
    assert "My name is Ada" in row.summary
    assert await world.shown("phone") == ["My name is Ada, remember 42", "0", "1", "2"]


async def test_a_summary_of_one_that_comes_after_is_thrown_away(world):
    """It knows nothing of what the other said, and would take its place."""
    await world.talk("laptop", "one")
    turn = await world.talk("phone", "My name is Ada")
    await world.talk("laptop", "two")
    last = await world.talk("laptop", "three")
    session = await world.session("laptop")
    before = await world.database.read(past.read, session, turn_id=last.id)
    await world.link()
    assert await world.session("laptop") == session
    kept = await world.database.write(
        past.condense, session, before, summary="They count.", window_from=last.id
    )
    assert not kept
    found = await world.database.read(past.read, session, turn_id=last.id)
    assert turn.id in {each.turn_id for each in found.spoken}


async def test_what_either_has_used_both_have_used(world):
    """Allowances are added up; whoever leaves takes along what was used."""
    ada = await world.talk("phone")
    bob = await world.talk("laptop")
    day = {"period": "2026-11-21", "reserved": 0}
    await world.database.write(
        lambda db: [
            db.execute(insert(budgets).values(scope=f"person:{who.person_id}", spent=spent, **day))
            and db.execute(
                insert(rates).values(
                    person_id=who.person_id, span="20/60", full_at=NOW * 1000 + spent
                )
            )
            for who, spent in ((ada, 3), (bob, 4))
        ]
    )
    await world.link()
    spent = select(budgets.c.spent).where(budgets.c.scope == f"person:{ada.person_id}")
    assert await value(world.database, spent) == 7
    full = select(rates.c.full_at).where(rates.c.person_id == ada.person_id)
    assert await value(world.database, full) == NOW * 1000 + 7
    turn = (await world.hear("laptop", "!unlink")).turn
    assert await unlinked(world, turn)
    left = select(rates.c.full_at).where(rates.c.person_id > bob.person_id)
    assert await value(world.database, left) == NOW * 1000 + 7


async def unlinked(world, turn):
    return await world.database.write(linking.unlink, turn, now=NOW)


async def test_whoever_unlinks_is_a_person_of_their_own_again(database):
    """Here they begin afresh, with what they have used; what was shared stays with the other."""
    adapter = Platform()
    scripts = [says("a"), says("b"), says("c")]
    async with stage(database, *scripts, adapter=adapter, manner=PLAIN) as theatre:
        await theatre.handler.accept(said("I am Ada"))
        await theatre.done()
        await theatre.handler.accept(said("!link", name="link"))
        await theatre.done()
        code = adapter.taken[-1].split("**")[1]
        web = {"platform": "web", "place": "desk"}
        await theatre.handler.accept(said("!link", name="link", argument=code, **web))
        await theatre.done()
        await theatre.handler.accept(said("Who am I?", **web))
        await theatre.done()
        assert theatre.model.prompts[1].messages[0].text == "I am Ada"
        await theatre.handler.accept(said("!unlink", name="unlink", **web))
        await theatre.done()
        await theatre.handler.accept(said("And now?", **web))
        await theatre.done()
        assert [each.text for each in theatre.model.prompts[2].messages] == ["And now?"]
        assert len(await database.read(people.listed, limit=9)) == 2
        phone = await database.read(transcript.find_session, said("").address)
        shown = [text for _, text in await theatre.said(phone)]
        assert {"I am Ada", "Who am I?"} < set(shown)


async def test_what_comes_right_behind_an_unlink_stays_out_of_what_was_left(database):
    """It is not read there, by model or people, and its writer is told to send it again."""
    adapter, pause = Platform(), Pause()
    scripts = [says("a"), [pause, *says("b")], says("c")]
    async with stage(database, *scripts, adapter=adapter, manner=PLAIN) as theatre:
        await theatre.handler.accept(said("I am Ada"))
        await theatre.done()
        await theatre.handler.accept(said("!link", name="link"))
        await theatre.done()
        code = adapter.taken[-1].split("**")[1]
        other = {"place": "desk"}
        await theatre.handler.accept(said("!link", name="link", argument=code, **other))
        await theatre.done()
        await theatre.handler.accept(said("Wait", **other))
        await theatre.handler.accept(said("!unlink", name="unlink", **other))
        await theatre.handler.accept(said("I like figs", **other))
        pause.go()
        await theatre.done()
        assert "send it again" in adapter.taken[-1]
        assert len(theatre.model.prompts) == 2
        phone = await database.read(transcript.find_session, said("").address)
        assert not any("figs" in (text or "") for _, text in await theatre.said(phone))


async def test_two_names_at_one_account_part_again(world):
    """As two numbers do: each has its own conversation then, and there is nobody left to leave."""
    await world.talk("phone", "I am Ada")
    await world.link()
    turn = (await world.hear("laptop", "!unlink")).turn
    assert await unlinked(world, turn)
    await world.answer(turn)
    assert [[one.external_id for one in each.identities] for each in await world.people()] == [
        ["laptop"],
        ["phone"],
    ]
    await world.talk("laptop", "Who am I?")
    assert await world.session("phone") != await world.session("laptop")
    assert "I am Ada" in await world.shown("phone")
    assert await world.shown("laptop") == ["Who am I?"]
    assert not await unlinked(world, (await world.hear("phone", "!unlink")).turn)


async def test_people_link_and_part_as_often_as_they_like(world):
    """What is kept of them is kept once, also of what they have spent."""
    ada = await world.talk("phone")
    bob = await world.talk("laptop")
    spend = {"period": "2026-11-21", "spent": 3, "reserved": 0}
    await world.database.write(
        lambda db: [
            db.execute(insert(budgets).values(scope=f"person:{each.person_id}", **spend))
            for each in (ada, bob)
        ]
    )
    for code in ("AAAA0000", "BBBB1111"):
        await world.code("phone", code)
        turn, outcome = await world.type("laptop", code)
        assert outcome is linking.Outcome.LINKED
        assert await world.database.write(linking.join, turn.id, now=NOW) is Joined.ONE
        await world.answer(turn)
        turn = (await world.hear("laptop", "!unlink")).turn
        assert await unlinked(world, turn)
        await world.answer(turn)
        newest = (await world.people())[0].id
        spent = select(budgets.c.spent).where(budgets.c.scope == f"person:{newest}")
        assert await value(world.database, spent) == (6 if code == "AAAA0000" else 12)
    assert len(await world.people()) == 2


async def test_nobody_is_ever_known_by_the_id_of_somebody_who_became_another(world):
    """Whoever comes after is a new person, and is found by none of the old ids."""
    await world.talk("phone")
    gone = await world.talk("laptop")
    await world.link()
    new = await world.talk("tablet")
    assert new.person_id > gone.person_id
    with pytest.raises(NotFound):
        await world.database.read(people.find, gone.person_id)


@pytest.mark.parametrize("place", ["phone", "laptop"])
async def test_a_code_from_before_an_unlink_is_void(world, place):
    """Wherever it was asked for: it stood for both, who are two now."""
    await world.link()
    await world.code(place, "BBBB1111")
    turn = (await world.hear("laptop", "!unlink")).turn
    assert await unlinked(world, turn)
    await world.answer(turn)
    assert (await world.type("tablet", "BBBB1111"))[1] is linking.Outcome.WRONG


DAILY = Limits(person_day=1000, all_day=1000)


async def purses(world):
    """What is spent and set aside of each budget."""
    rows = await world.database.read(
        lambda db: db.execute(select(budgets.c.scope, budgets.c.spent, budgets.c.reserved)).all()
    )
    return {row.scope: (row.spent, row.reserved) for row in rows}


@pytest.mark.parametrize("other", ["phone", "laptop"])
async def test_an_answer_that_runs_during_a_link_is_charged_to_whoever_stays(world, other):
    """What was set aside for it is given back there too, and no budget is left of who is gone."""
    ada = await world.talk("phone")
    bob = await world.talk("laptop")
    running = (await world.hear("laptop", "long")).turn
    early = (await world.hear("phone", "short")).turn if other == "phone" else None
    reserve = partial(world.database.write, spending.reserve, now=NOW)
    for turn in filter(None, (early, running)):
        party = Party(person_id=turn.person_id, platform=PUSH)
        await reserve(turn, party, DAILY, amount=100)
    set_aside = 200 if early else 100
    await world.database.write(merging.become_one, ada.person_id, bob.person_id, now=NOW)
    mine, gone = f"person:{ada.person_id}", Party(person_id=bob.person_id, platform=PUSH)
    assert await purses(world) == {"all": (0, set_aside), mine: (0, set_aside)}
    again = await reserve(running, gone, DAILY, amount=60)
    assert again.amount == 60
    await world.database.write(spending.charge, gone, DAILY, cost=5, now=NOW)
    await world.database.write(spending.settle, running.id, 50)
    if early:
        await world.database.write(spending.settle, early.id, 20)
    spent = 75 if early else 55
    assert await purses(world) == {"all": (spent, 0), mine: (spent, 0)}
    [standing, _] = await world.database.read(spending.standing, gone, DAILY, now=NOW)
    assert standing.used == spent


async def test_a_link_that_both_sides_were_too_busy_for_is_made_after(database):
    """As soon as the turn that linked them is over; a new process makes what the last one left."""
    adapter, pause = Platform(), Pause()
    scripts = [says("a"), [pause, *says("b")], says("c")]
    async with stage(database, *scripts, adapter=adapter, manner=PLAIN) as theatre:
        await theatre.handler.accept(said("I am Ada"))
        await theatre.done()
        await theatre.handler.accept(said("!link", name="link"))
        await theatre.done()
        code = adapter.taken[-1].split("**")[1]
        await theatre.handler.accept(said("busy"))
        await pause.reached.wait()
        web = {"platform": "web", "place": "desk"}
        linked = await theatre.handler.accept(said("!l", name="link", argument=code, **web))
        await theatre.watch(linked.turn_id)
        pause.go()
        await theatre.done()
        where = said("", **web).address
        await eventually(lambda: nothing_pending(database))
        phone = await database.read(transcript.find_session, said("").address)
        assert await database.read(transcript.find_session, where) == phone


async def test_a_visitor_who_is_identified_is_the_user(database):
    """One person from then on, whichever of the two wrote first."""

    def from_(account):
        made = event("Hi", place="s")
        sender = Sender(external_id="")
        return replace(made, sender=sender, address=replace(made.address, account=account))

    for account in ("visitor:v", "user:ann"):
        await database.write(arrivals.accept, from_(account), owner="a", now=1, stale_before=-1)
    visitor = (await database.read(people.listed, limit=9))[1]
    await database.write(
        visitors.identify, "v", platform="web", account_id="visitor:v", to="user:ann", now=9
    )
    [ann] = await database.read(people.listed, limit=9)
    assert ann.id == visitor.id
    assert [each.account for each in ann.identities] == ["user:ann"]
    await database.write(arrivals.accept, from_("visitor:w"), owner="a", now=1, stale_before=-1)
    await database.write(
        visitors.identify, "w", platform="web", account_id="visitor:w", to="user:eve", now=9
    )
    eve = (await database.read(people.listed, limit=9))[0]
    assert [each.account for each in eve.identities] == ["user:eve"]


class Chatter:
    """Whatever is said and answered on both sides, by chance."""

    def __init__(self, world, seed) -> None:
        self.world = world
        self.told = {"phone": [], "laptop": []}
        self._chance = random.Random(seed)

    async def go_on(self, steps, linked=None):
        for _ in range(steps):
            await self._step(linked)

    async def finish(self, place=None):
        """Answer all that is open, or all at a place."""
        while turns_ := [each for where, each in self.world.open.items() if place in {None, where}]:
            await self.world.answer(turns_[0])

    async def _step(self, linked):
        match self._chance.choice(("hear", "hear", "answer", "answer", "join")):
            case "hear":
                place = self._chance.choice(("phone", "laptop"))
                self.told[place].append(f"{place} {len(self.told[place])}")
                await self.world.hear(place, self.told[place][-1])
            case "answer" if self.world.open:
                await self.world.answer(self._chance.choice(list(self.world.open.values())))
            case "join" if linked:
                await self.world.database.write(linking.join, linked.id, now=NOW)


@pytest.mark.parametrize("seed", range(6))
async def test_around_a_link_nothing_is_lost_doubled_or_out_of_order(world, seed):
    """Whatever is said and answered on both sides, before, while and after they become one."""
    chatter = Chatter(world, seed)
    await chatter.go_on(12)
    await chatter.finish("phone")
    await world.code("phone")
    await chatter.finish("laptop")
    linked, _ = await world.type("laptop")
    await chatter.go_on(25, linked)
    await chatter.finish()
    await world.database.write(linking.join, linked.id, now=NOW)
    assert await world.session("phone") == await world.session("laptop")
    shown = await world.shown("phone")
    for place, words in chatter.told.items():
        assert [text for text in shown if text.startswith(place)] == words
    waiting = select(func.count()).where(messages.c.turn_id.is_(None))
    assert await value(world.database, waiting) == 0
    answers = select(func.count()).where(messages.c.role == "assistant")
    taken = select(func.count()).select_from(turns_)
    assert await value(world.database, answers) == await value(world.database, taken)


@POSTGRESQL
@pytest.mark.parametrize("after", [1, 3, 5, 9])
async def test_what_is_said_while_two_become_one_is_not_lost(world, after):
    """Messages on both sides come while it is done, step by step; each has its place in the one."""
    await world.talk("phone", "one")
    await world.code("phone")
    turn, _ = await world.type("laptop")
    pause = Pause()
    joining = asyncio.create_task(
        world.database.write(paced(linking.join, pause, after), turn.id, now=NOW)
    )
    await asyncio.wait({joining, asyncio.create_task(pause.reached.wait())}, return_when=FIRST)
    saying = [asyncio.create_task(world.hear(place, place)) for place in ("phone", "laptop")]
    await eventually(lambda: _waits_or_is_done(world.database, saying[0]))
    pause.go()
    joined = await joining
    await asyncio.gather(*saying)
    while world.open:
        await world.answer(next(iter(world.open.values())))
    if joined is Joined.BUSY:
        await world.database.write(linking.join, turn.id, now=NOW)
    assert await world.session("phone") == await world.session("laptop")
    assert sorted(await world.shown("phone")) == ["laptop", "one", "phone"]


async def test_two_who_link_each_other_at_once_are_one_person(world):
    """Each types the other's code at the same moment: neither waits for the other for ever."""
    await world.code("phone", "AAAA0000")
    await world.code("laptop", "BBBB1111")
    await world.hear("phone", "!link")
    await world.hear("laptop", "!link")
    found = await asyncio.gather(world.type("phone", "BBBB1111"), world.type("laptop", "AAAA0000"))
    assert {outcome for _, outcome in found} == {linking.Outcome.LINKED}
    assert len(await world.people()) == 1
