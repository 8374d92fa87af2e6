"""No more is asked of Slack than it takes."""

import asyncio

import pytest

from adapters.slack.governor import APPEND, POST, RATES, START, UPDATE, Governor
from tests.fakes.hands import HandClock


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def governor(clock):
    return Governor(clock)


def test_a_method_has_so_many_calls_in_a_window(governor, clock):
    """Any minute holds the tier's number of calls, wherever it begins."""
    assert [governor.spend("T1", START) for _ in range(21)] == [True] * 20 + [False]
    clock.advance(59)
    assert not governor.spend("T1", START)
    clock.advance(1)
    assert governor.spend("T1", START)


def test_workspaces_and_methods_have_limits_of_their_own(governor):
    """What one has used up is left to the others."""
    while governor.spend("T1", UPDATE):
        pass
    assert governor.room("T2", UPDATE) == RATES[UPDATE][0]
    assert governor.room("T1", APPEND) == RATES[APPEND][0]


def test_a_pause_that_slack_asks_for_is_everybodys(governor, clock):
    """Until it is over, there is no room."""
    governor.pause(7, "T1", UPDATE)
    clock.advance(6.9)
    assert not governor.spend("T1", UPDATE)
    clock.advance(0.2)
    assert governor.spend("T1", UPDATE)


async def test_who_waits_is_served_in_the_order_of_asking(governor, clock):
    """And nobody overtakes by trying."""
    served = []

    async def post(number):
        await governor.turn("T1", POST, "C1")
        served.append(number)

    waiting = [asyncio.create_task(post(number)) for number in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert served == [0, 1, 2]
    assert not governor.spend("T1", POST, "C1")
    clock.advance(3)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]


async def test_who_gives_up_waiting_holds_nobody_up(governor, clock):
    """The next one in line moves up."""
    while governor.spend("T1", START):
        pass
    first, second = (asyncio.create_task(governor.turn("T1", START)) for _ in range(2))
    for _ in range(5):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    clock.advance(60)
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()
    assert governor.room("T1", START) > 0


def test_many_streams_share_what_there_is(governor):
    """Each appends the more seldom, the more there are."""
    for _ in range(10):
        governor.opened("T1")
    assert governor.beat("T1") == pytest.approx(6.0)
    for _ in range(10):
        governor.closed("T1")
    assert governor.beat("T1") == 0


def test_channels_that_rest_are_forgotten(governor, clock):
    """A busy workspace does not fill the memory."""
    for number in range(6000):
        governor.spend("T1", POST, f"C{number}")
        clock.advance(0.1)
    assert len(governor._windows) <= 5000
