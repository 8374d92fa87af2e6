"""A message is sent once, as it is, and by whom the account says."""

import asyncio
import logging
import subprocess
import sys

import pytest

from adapters.whatsapp.client import Refused, Throttled
from tests.adapters.whatsapp_client.stage import SECRET_WORDS, say, twilio_of
from tests.fakes.twilio import ANA, BUSINESS

SERVICE, TEMPLATE = "MG" + "0" * 32, "HX" + "0" * 32

WARMED = """
import asyncio, sys, aiohttp
from tests.adapters.whatsapp_client.stage import say, twilio_of
from tests.fakes.twilio import ANA, FakeTwilio

async def main():
    async with FakeTwilio() as fake, aiohttp.ClientSession() as session:
        twilio = twilio_of(session, fake.url)
        cold = set(sys.modules)
        twilio.warm()
        warm = set(sys.modules)
        asked = await fake.inbound(ANA, "hello")
        await say(twilio)
        await twilio.recent(to=ANA, sender="MG", since=0)
        await twilio.typing(asked.sid)
        assert fake.typings == [asked.sid]
        late = [name for name in set(sys.modules) - warm if name.startswith("twilio")]
        print(len(warm - cold), late)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "body", ["hello", 'a+b & c=d 100% \\ "q"', "¡Olé! 👍🏽 日本語", "1\r\n2\n "]
)
async def test_words_arrive_as_they_are(twilio, fake, body):
    """And the answer tells what Twilio calls them."""
    sent = await say(twilio, body)
    assert fake.seen(ANA) == [body]
    assert (sent.sid, sent.status) == (fake.sent(ANA)[0].sid, "queued")


async def test_half_a_surrogate_pair_is_sent_as_a_question_mark(twilio, fake):
    """It is not worth failing over."""
    await say(twilio, "a\ud83d!")
    assert fake.seen(ANA) == ["a?!"]


async def test_a_service_is_a_sender(twilio, fake):
    """Its SID goes where Twilio looks for it."""
    fake.services[SERVICE] = (BUSINESS,)
    sent = await say(twilio, sender=SERVICE)
    assert sent.status == "accepted"
    assert fake.sent(ANA)[0].service == SERVICE


async def test_a_template_is_sent_with_its_variables(twilio, fake):
    """Also when the 24 hours are over."""
    fake.templates[TEMPLATE] = "Your order {{1}} is {{2}}."
    fake.clock.advance(48 * 3600)
    variables = {"1": "№ 7", "2": "ready"}
    await say(twilio, None, content_sid=TEMPLATE, content_variables=variables)
    assert fake.seen(ANA) == ["Your order № 7 is ready."]


async def test_where_callbacks_go_is_said(twilio, fake):
    """Byte for byte: it is what they are signed for."""
    callback = "https://gw.example.com/whatsapp/status?lane=a%20b"
    await say(twilio, status_callback=callback)
    assert fake.sent(ANA)[0].callback == callback


async def test_an_api_key_speaks_for_the_account(session, fake):
    """The account stays in the address."""
    fake.keys["SK1"] = "hush"
    await say(twilio_of(session, fake.url, username="SK1", password="hush"))
    assert fake.seen(ANA) == [SECRET_WORDS]


async def test_a_wrong_password_is_refused(session, fake):
    """Twilio's code says so."""
    with pytest.raises(Refused) as refused:
        await say(twilio_of(session, fake.url, password="wrong"))
    assert (refused.value.status, refused.value.code) == (401, 20003)


async def test_no_more_than_twenty_calls_run_at_a_time(twilio, fake):
    """The others wait, and come to their turn."""
    holds = fake.hang("create", times=None)
    calls = [asyncio.create_task(say(twilio, str(number))) for number in range(50)]
    await fake.came("create", 20)
    await asyncio.sleep(0.05)
    assert len(fake.called("create")) == 20
    holds.release()
    await asyncio.gather(*calls)
    assert fake.most_at_once == 20
    assert len(fake.seen(ANA)) == 50 - 5  # the pair's own limit is 45


async def test_who_stops_waiting_leaves_the_room_to_others(twilio, fake, told):
    """And the call that was cancelled is told of as that."""
    hold = fake.hang("create", times=20)
    calls = [asyncio.create_task(say(twilio, str(number))) for number in range(20)]
    await hold.reached.wait()
    await fake.came("create", 20)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await say(twilio, "next")
    assert [fact.outcome for fact in told] == ["cancelled"] * 20 + ["ok"]


async def test_every_call_is_told_of_once(twilio, fake, told):
    """With Twilio's code for how it went, or our word."""
    await say(twilio)
    fake.fail("create", 20429, status=429)
    fake.answer("create", status=503, to=ANA)
    for _ in range(2):
        with pytest.raises(Exception):  # noqa: B017, PT011 - which ones, the others test
            await say(twilio)
    with pytest.raises(Refused):
        await say(twilio, "x" * 1601)
    await twilio.recent(to=ANA, sender=BUSINESS, since=0)
    assert {fact.platform for fact in told} == {"whatsapp"}
    assert [(fact.method, fact.outcome) for fact in told] == [
        ("messages.create", "ok"),
        ("messages.create", "throttled"),
        ("messages.create", "indoubt"),
        ("messages.create", "21617"),
        ("messages.list", "ok"),
    ]


async def test_nothing_is_logged(twilio, fake, caplog):
    """The package would log addresses, headers and the account."""
    caplog.set_level(logging.DEBUG)
    await say(twilio)
    fake.fail("create", 21610)
    with pytest.raises(Refused):
        await say(twilio)
    ours = ("twilio", "adapters", "aiohttp.client")
    assert [record for record in caplog.records if record.name.startswith(ours)] == []


async def test_the_first_message_imports_nothing_once_it_is_warm():
    """What blocks for 30 ms is done before; a process of its own has imported nothing yet."""
    command = [sys.executable, "-W", "error", "-c", WARMED]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    imported, late = done.stdout.split(maxsplit=1)
    assert int(imported) > 50
    assert late.strip() == "[]"


async def test_too_much_for_one_person_is_no_refusal(twilio, fake):
    """Its code tells it from too much of the account."""
    fake.pairs.burst, fake.pair_limit_at_create = 1, True
    await say(twilio)
    with pytest.raises(Throttled) as throttled:
        await say(twilio)
    assert throttled.value.code == 63018


async def test_two_clients_do_not_share_their_room(session, fake):
    """The limit is an account's."""
    hold = fake.hang("create", times=None)
    clients = [twilio_of(session, fake.url) for _ in range(2)]
    calls = [asyncio.create_task(say(each)) for each in clients for _ in range(20)]
    await fake.came("create", 40)
    hold.release()
    assert len(await asyncio.gather(*calls)) == 40
