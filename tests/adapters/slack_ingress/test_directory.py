"""People's names."""

import asyncio

import pytest

from adapters.slack import directory
from adapters.slack.calls import Unreachable
from adapters.slack.directory import Directory, name_in
from tests.adapters.slack_ingress.stage import Web
from tests.fakes.clock import VirtualClock


@pytest.fixture
def web():
    made = Web()
    made.names = {"U1": "Ada", "U2": "Grace"}
    return made


@pytest.fixture
def clock():
    return VirtualClock()


async def test_names_are_told_by_id(web, clock):
    """Slack is asked once for each, as that workspace's bot."""
    found = await Directory(web, clock).names("T1", ["U1", "U2", "U1"])
    assert found == {"U1": "Ada", "U2": "Grace"}
    asked = [{"user": user, "include_locale": True} for user in ("U1", "U2")]
    assert web.calls == [("T1", "users.info", each) for each in asked]


async def test_names_are_remembered_for_an_hour(web, clock):
    """In the hour Slack is not asked again, after it it is."""
    people = Directory(web, clock)
    await people.names("T1", ["U1"])
    clock.advance(3599)
    await people.names("T1", ["U1"])
    assert len(web.calls) == 1
    clock.advance(2)
    web.names["U1"] = "Countess"
    assert await people.names("T1", ["U1"]) == {"U1": "Countess"}


async def test_workspaces_have_their_own_people(web, clock):
    """The same id elsewhere is somebody else."""
    people = Directory(web, clock)
    await people.names("T1", ["U1"])
    await people.names("T2", ["U1"])
    assert [team for team, _, _ in web.calls] == ["T1", "T2"]


async def test_a_name_that_is_not_to_be_had_is_left_out(web, clock):
    """The others are told, and it is asked for again a minute later."""
    people = Directory(web, clock)
    web.fault = Unreachable("no way")
    assert await people.names("T1", ["U1"]) == {}
    web.fault = None
    assert await people.names("T1", ["U1", "U2"]) == {"U2": "Grace"}
    clock.advance(61)
    assert await people.names("T1", ["U1"]) == {"U1": "Ada"}


async def test_a_message_does_not_wait_long_for_names(web, clock):
    """What comes too late is there for the next one, and nobody asks twice."""
    people = Directory(web, clock, patience=0)
    web.gate.clear()
    assert await people.names("T1", ["U1"]) == {}
    assert await people.names("T1", ["U1"]) == {}
    web.gate.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert await people.names("T1", ["U1"]) == {"U1": "Ada"}
    assert len(web.calls) == 1


async def test_names_are_not_remembered_without_end(web, clock, monkeypatch):
    """The oldest goes when there are too many."""
    monkeypatch.setattr(directory, "MOST", 1)
    people = Directory(web, clock)
    for user in ("U1", "U2", "U1"):
        await people.names("T1", [user])
    assert len(web.calls) == 3


async def test_a_message_full_of_names_asks_for_some(web, clock):
    """A list of the whole company does not use up what Slack allows."""
    await Directory(web, clock).names("T1", [f"U{number}" for number in range(100)])
    assert len(web.calls) == 20


async def test_it_stops_asking_when_it_is_told_to(web, clock):
    """Nothing is under way afterwards."""
    people = Directory(web, clock, patience=0)
    web.gate.clear()
    await people.names("T1", ["U1"])
    await people.stop()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"name": "a", "real_name": "Ada L", "profile": {"display_name": "Ada"}}, "Ada"),
        ({"name": "a", "real_name": "Ada L", "profile": {"display_name": " "}}, "Ada L"),
        ({"name": "a", "profile": None}, "a"),
        ({"name": "a\n\n# b\x00"}, "a # b"),
        ({"name": "a" * 200}, "a" * 80),
        ({"name": 7, "real_name": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_name_is_what_people_see(user, name):
    """The display name, else the real one, else the handle: one short line."""
    assert name_in(user) == name
