"""Who waits, waits as long as Slack said, and for its own workspace alone."""

import asyncio

import pytest

from adapters.slack.governor import POST, START, UPDATE, Governor
from tests.fakes.hands import HandClock


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def governor(clock):
    return Governor(clock)


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_pause_is_one_workspaces(governor):
    """Others were not told to wait."""
    governor.pause(7, "T2", UPDATE)
    assert not governor.room("T2", UPDATE)
    assert governor.room("T1", UPDATE)


def test_a_shorter_pause_ends_no_longer_one(governor, clock):
    """Answers of Slack's may come in any order."""
    governor.pause(30, "T1", UPDATE)
    governor.pause(1, "T1", UPDATE)
    clock.advance(29)
    assert not governor.room("T1", UPDATE)


async def test_a_pause_holds_for_those_who_wait_already(governor, clock):
    """Their turn comes when it is over."""
    while governor.spend("T1", POST, "C1"):
        pass
    waiting = asyncio.create_task(governor.turn("T1", POST, "C1"))
    await settled()
    governor.pause(10, "T1", POST, "C1")
    clock.advance(3)
    await settled()
    assert not waiting.done()
    clock.advance(7)
    await waiting


async def test_nobody_overtakes_who_is_about_to_be_served(governor, clock):
    """There is room again, and it is for those who waited."""
    while governor.spend("T1", START):
        pass
    waiting = asyncio.create_task(governor.turn("T1", START))
    await settled()
    clock.advance(60)
    assert not governor.spend("T1", START)
    await waiting
    assert governor.spend("T1", START)


def test_streams_of_other_workspaces_do_not_count(governor):
    """Each has a limit of its own."""
    for number in range(50):
        governor.opened(f"T{number}")
    assert governor.beat("T1") == governor.beat("T2") < 1
