"""A file that somebody sent comes whole, or an error says whether to come back for it."""

import asyncio
import traceback

import pytest

from adapters.whatsapp.http import Timeouts
from core.errors import Permanent, TooLarge, Transient
from tests.adapters.whatsapp_media.stage import ENOUGH, PNG, fetcher_of, sent
from tests.fakes.hold import Hold
from tests.fakes.twilio import TOKEN

PATIENCE = 20  # seconds until a test that waits for what never comes gives up


async def outcome_of(fetcher, source, told, *, most=ENOUGH):
    """The error's class and text, which is what is told of it."""
    with pytest.raises((Transient, Permanent)) as raised:
        await fetcher.fetch(source, most=most)
    assert [fact.outcome for fact in told] == [str(raised.value)]
    return type(raised.value), str(raised.value)


async def test_a_file_is_fetched_as_it_was_sent(fetcher, fake, told):
    """Each time by a new link, as an old one may be over; and it is told."""
    source = await sent(fake)
    assert [await fetcher.fetch(source, most=ENOUGH) for _ in range(2)] == [PNG, PNG]
    assert len(set(fake.store.fetched)) == 2
    facts = {(fact.platform, fact.method, fact.outcome) for fact in told}
    assert facts == {("whatsapp", "media", "ok")}


async def test_the_api_may_give_the_file_itself(fetcher, fake):
    """Without sending on to anywhere."""
    fake.answer("media", status=200, body="a file")
    assert await fetcher.fetch(await sent(fake), most=ENOUGH) == b"a file"


async def test_nothing_is_asked_to_be_packed(fetcher, fake):
    """What is unpacked can be of any size."""
    await fetcher.fetch(await sent(fake), most=ENOUGH)
    asked = [fake.called("media")[0].headers, fake.store.asked[0]]
    assert [headers["Accept-Encoding"] for headers in asked] == ["identity"] * 2


async def test_what_is_packed_all_the_same_is_not_taken(fetcher, fake, told):
    """Nobody would know what it is."""
    fake.store.headers["Content-Encoding"] = "gzip"
    assert await outcome_of(fetcher, await sent(fake), told) == (Permanent, "encoded")


@pytest.mark.parametrize("measured", [True, False])
async def test_a_file_with_a_byte_too_much_is_too_large(fetcher, fake, told, measured):
    """Whether it says so before it comes or not."""
    fake.store.measured = measured
    source = await sent(fake)
    assert await fetcher.fetch(source, most=ENOUGH) == PNG
    told.clear()
    found = await outcome_of(fetcher, source, told, most=ENOUGH - 1)
    assert found == (TooLarge, "too_large")


async def test_what_says_that_it_is_too_large_is_not_waited_for(fetcher, fake, told):
    """It would break in the middle."""
    fake.store.cut = True
    found = await outcome_of(fetcher, await sent(fake), told, most=ENOUGH - 1)
    assert found == (TooLarge, "too_large")


async def test_a_file_that_is_not_there_yet_is_found_later(fetcher, fake, told):
    """A webhook may be faster than its file, at the API and behind it."""
    source = await sent(fake)
    fake.answer("media", status=404)
    fake.store.statuses.append(404)
    for _ in range(2):
        assert await outcome_of(fetcher, source, told) == (Transient, "404")
        told.clear()
    assert await fetcher.fetch(source, most=ENOUGH) == PNG


@pytest.mark.parametrize(
    "expected",
    [
        *((Transient, status) for status in (408, 429, 500, 503)),
        *((Permanent, status) for status in (400, 401, 403, 410, 204, 304, 302)),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
async def test_a_status_says_whether_to_come_back(fetcher, fake, told, expected, behind):
    """From the API as from behind it; a 302 that leads nowhere is the end of the way too."""
    error, status = expected
    if behind:
        fake.store.statuses.append(status)
    else:
        fake.answer("media", status=status)
    assert await outcome_of(fetcher, await sent(fake), told) == (error, str(status))


async def test_who_has_the_wrong_credentials_is_told_so(session, fake, told):
    """Once: they would be wrong the next time too."""
    fetcher = fetcher_of(session, fake.url, told=told, password="old")
    assert await outcome_of(fetcher, await sent(fake), told) == (Permanent, "401")


@pytest.mark.parametrize("behind", [False, True])
async def test_who_takes_too_long_is_asked_later(session, fake, told, behind):
    """The time is for all of the way."""
    hasty = Timeouts(total=0.1, connect=0.1)
    fetcher = fetcher_of(session, fake.url, told=told, timeouts=hasty)
    hold = Hold()
    if behind:
        fake.store.hold = hold
    else:
        hold = fake.hang("media")
    async with asyncio.timeout(PATIENCE):
        found = await outcome_of(fetcher, await sent(fake), told)
    hold.release()
    assert found == (Transient, "TimeoutError")


async def test_a_closed_session_fetches_later(fetcher, session, fake, told):
    """As when the gateway stops: another replica goes on."""
    await session.close()
    assert await outcome_of(fetcher, await sent(fake), told) == (Transient, "closed")


@pytest.mark.parametrize("what", ["dropped", "cut", "nonsense"])
async def test_what_breaks_off_is_fetched_later(fetcher, fake, what):
    """No error says where it is: a link is all that somebody needs. Half a file is none."""
    source = await sent(fake)
    if what == "dropped":
        fake.drop("media", accepted=False, times=None)
    else:
        setattr(fake.store, what, True)
    with pytest.raises(Transient) as raised:
        await fetcher.fetch(source, most=ENOUGH)
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert all(secret not in shown for secret in ("http://", "https://", "/Media/", TOKEN))
