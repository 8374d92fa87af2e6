"""How much one caller may ask for."""

import pytest

from adapters.web.door import windows
from adapters.web.door.limits import NEWCOMERS, REQUESTS, network, rules
from adapters.web.door.principal import PUBLIC, Kind, Principal
from adapters.web.door.windows import Windows
from adapters.web.errors import Refused
from tests.adapters.web_auth.stage import limits

ANN, BEN = Principal(kind=Kind.USER, name="ann"), Principal(kind=Kind.USER, name="ben")
ROBOT = Principal(kind=Kind.SERVICE)
IP = "192.0.2.1"


def refused(count):
    with pytest.raises(Refused) as told:
        count()
    assert (told.value.status, told.value.code) == (429, "rate_limited")
    return told.value


def test_one_person_may_send_so_many_messages(clock):
    """Then it is 429, with the wait until the oldest of them is a minute ago."""
    edge = limits(clock, messages=rules("3/minute"))
    for _ in range(3):
        edge.act(ANN, IP)
        clock.advance(10)
    refusal = refused(lambda: edge.act(ANN, IP))
    assert refusal.retry_after == 30
    assert refusal.message == ("Too many requests: no more than 3 per minute. Try again in 30 s.")
    clock.advance(29.5)
    assert refused(lambda: edge.act(ANN, IP)).retry_after == 1
    clock.advance(0.6)
    edge.act(ANN, IP)
    refused(lambda: edge.act(ANN, IP))


def test_people_do_not_share_their_messages(clock):
    """Each has their own, wherever they are; a visitor of the same name is another."""
    edge = limits(clock, messages=rules("1/minute"))
    for who in (ANN, BEN, Principal(kind=Kind.VISITOR, name="ann")):
        edge.act(who, IP)
        refused(lambda who=who: edge.act(who, "192.0.2.2"))


def test_many_visitors_of_one_address_are_held_together(clock):
    """Anybody can become a new one: all of them may say as much as ten people."""
    edge = limits(clock, messages=rules("1/minute"))
    for number in range(10):
        edge.message(Principal(kind=Kind.VISITOR, name=f"v{number}"), IP)
    late = Principal(kind=Kind.VISITOR, name="late")
    assert "from this address" in refused(lambda: edge.message(late, IP)).message
    edge.message(late, "192.0.2.2")


def test_programs_may_send_any_number(clock):
    """A server speaks for many people."""
    edge = limits(clock, messages=rules("1/minute"), public=rules("1/minute"))
    for _ in range(10):
        edge.message(ROBOT, IP)


def test_who_does_not_sign_in_is_held_where_that_was_asked_for(clock):
    """By address then; else not at all, since all of a machine's people have one."""
    free = limits(clock, messages=rules("1/minute"))
    held = limits(clock, messages=rules("1/minute"), public=rules("1/minute"))
    for _ in range(10):
        free.message(PUBLIC, IP)
    held.message(PUBLIC, IP)
    refused(lambda: held.message(PUBLIC, IP))
    held.message(PUBLIC, "192.0.2.2")


def test_of_several_limits_each_holds(clock):
    """What one refuses does not use up the other."""
    edge = limits(clock, messages=rules("2/minute;3/hour"))
    for _ in range(2):
        edge.act(ANN, IP)
    for _ in range(5):
        refused(lambda: edge.act(ANN, IP))
    clock.advance(61)
    edge.act(ANN, IP)
    refusal = refused(lambda: edge.act(ANN, IP))
    assert refusal.retry_after == 3600 - 61
    assert "3 per hour" in refusal.message


def test_no_limit_is_none(clock):
    """With `none` one person may send any number."""
    edge = limits(clock, messages=rules("none"))
    for _ in range(1000):
        edge.act(ANN, IP)


def test_new_visitors_are_counted_by_address(clock):
    """On this machine too: a page that makes one for each click shows at once."""
    for edge in (limits(clock), limits(clock, edge=False)):
        for _ in range(NEWCOMERS[0].amount):
            edge.visitor(IP)
        refused(lambda edge=edge: edge.visitor(IP))
        edge.visitor("192.0.2.2")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        (":x", ":y", False),
    ],
)
def test_an_address_is_what_one_customer_has(one, other, same):
    """Of IPv6 the first half; of IPv4 all of it."""
    assert (network(one) == network(other)) is same


def test_many_addresses_take_bounded_memory(clock):
    """Who was idle longest is forgotten first; whoever goes on is still counted."""
    kept = Windows(clock)
    for number in range(windows.MOST + 500):
        kept.acquire_entry(f"10.{number}", 5, 60)
        kept.acquire_entry("busy", 10**6, 60)
    assert len(kept._times) == windows.MOST
    assert kept.get("busy") == windows.MOST + 500
    assert kept.get("10.0") == 0


def test_what_is_out_of_the_window_takes_no_memory(clock):
    """A key holds no more than its limit."""
    kept = Windows(clock)
    for _ in range(1000):
        kept.acquire_entry("busy", 5, 60)
        clock.advance(20)
    assert kept.get("busy") <= 5


def test_a_storage_counts_and_forgets(clock):
    """As the library wants it of each."""
    kept = Windows(clock)
    assert [kept.incr("a", 60), kept.incr("a", 60, 2), kept.get("b")] == [1, 3, 0]
    assert kept.get_moving_window("a", 5, 60) == (clock.monotonic(), 3)
    assert kept.get_expiry("a") == clock.monotonic()
    assert kept.check()
    kept.clear("a")
    assert kept.get("a") == 0
    kept.incr("b", 60)
    assert kept.reset() == 1


def test_the_edge_is_generous():
    """A page with all that it asks for is far below it."""
    assert REQUESTS[0].amount / REQUESTS[0].get_expiry() >= 20
