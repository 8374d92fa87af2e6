"""What goes wrong is named by what is known: not done, refused, or in doubt."""

import asyncio
import socket
import traceback

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from adapters.whatsapp.client import InDoubt, NotSent, Refused, Throttled
from adapters.whatsapp.http import Http
from tests.adapters.whatsapp_client.stage import HASTY, PATIENT, SECRET_WORDS, say, twilio_of
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN

ELSEWHERE = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


class NoNames(AbstractResolver):
    """Knows no host, and remembers who was asked for."""

    def __init__(self):
        self.asked = []

    async def resolve(self, host, port=0, family=socket.AF_INET):  # noqa: ARG002 - aiohttp asks so
        self.asked.append(host)
        raise OSError(-2, "Name or service not known")

    async def close(self):
        pass


@pytest.fixture
async def silent():
    """The port of somebody who takes connections and says nothing."""

    async def listen(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_too_many_calls_say_how_long_to_wait(twilio, fake):
    """Nothing was sent, and nothing is tried again in here."""
    fake.fail("create", 20429, status=429, retry_after=7)
    with pytest.raises(Throttled) as throttled:
        await say(twilio)
    assert (throttled.value.retry_after, throttled.value.code) == (7, 20429)
    assert len(fake.calls) == 1
    assert fake.sent(ANA) == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0.5", 0.5), ("0", 0.1), ("-3", 0.1), ("86400", 3600), ("nan", None), ("soon", None)],
)
async def test_a_wait_is_believed_within_reason(twilio, fake, header, seconds):
    """What is no number of seconds was not said."""
    fake.answer("create", status=429, headers={"Retry-After": header})
    with pytest.raises(Throttled) as throttled:
        await say(twilio)
    assert throttled.value.retry_after == seconds


async def test_too_much_is_told_by_its_code_too(twilio, fake):
    """Twilio's status for 63018 is not written down anywhere."""
    fake.fail("create", 63018, status=400)
    with pytest.raises(Throttled):
        await say(twilio)


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    "arrange",
    [
        lambda fake, accepted: fake.answer("create", status=500, accepted=accepted),
        lambda fake, accepted: fake.answer("create", status=503, accepted=accepted, body="<html>"),
        lambda fake, accepted: fake.answer("create", status=408, accepted=accepted),
        lambda fake, accepted: fake.drop("create", accepted=accepted),
    ],
    ids=["500", "503", "408", "dropped"],
)
async def test_whether_it_was_accepted_is_in_doubt(twilio, fake, arrange, accepted):
    """It looks the same either way, so it is not sent again."""
    arrange(fake, accepted)
    with pytest.raises(InDoubt):
        await say(twilio)
    assert len(fake.calls) == 1
    assert len(fake.sent(ANA)) == accepted


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_answer_that_does_not_come_is_in_doubt(session, fake, accepted):
    """The wait for it has an end."""
    fake.hang("create", accepted=accepted)
    with pytest.raises(InDoubt):
        await say(twilio_of(session, fake.url, timeouts=HASTY))
    assert len(fake.sent(ANA)) == accepted


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"sid": "", "status": "queued"}',
        '{"sid": 1, "status": "queued"}',
        "null",
        "[" * 99_999,
    ],
    ids=["empty", "html", "list", "object", "no sid", "number", "null", "deep"],
)
async def test_a_success_that_can_not_be_read_is_in_doubt(twilio, fake, body):
    """It was probably sent, under a name that we don't know."""
    fake.answer("create", status=201, body=body, accepted=True)
    with pytest.raises(InDoubt):
        await say(twilio)


async def test_a_success_that_breaks_off_is_in_doubt(session):
    """Half a body tells nothing."""

    async def half(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"sid": "SM')
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(InDoubt):
        await say(twilio_of(session, url))
    server.close()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"body": "x" * 1601}, 21617),
        ({"body": ""}, 21619),
        ({"to": "whatsapp:15551230000"}, 21211),
        ({"sender": "whatsapp:+19995550000"}, 21212),
        ({"sender": "MG" + "1" * 32}, 21703),
    ],
)
async def test_what_is_refused_has_twilios_code(twilio, fake, fields, code):
    """And will be refused again."""
    with pytest.raises(Refused) as refused:
        await say(twilio, **fields)
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_somebody_who_opted_out_is_not_written_to(twilio, fake):
    """Twilio keeps its own list."""
    fake.opted_out.add(ANA)
    with pytest.raises(Refused) as refused:
        await say(twilio)
    assert refused.value.code == 21610


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"code": "x"}', "[" * 99_999])
async def test_a_refusal_without_a_code_has_none(twilio, fake, body):
    """The status is what there is."""
    fake.answer("create", status=403, body=body)
    with pytest.raises(Refused) as refused:
        await say(twilio)
    assert (refused.value.status, refused.value.code) == (403, None)


async def test_a_problem_of_the_newer_kind_has_its_code(twilio, fake):
    """RFC 9457: the package has another error for it."""
    body = '{"type": "about:blank", "title": "No", "status": 400, "code": 21610, "detail": "x"}'
    fake.answer("create", status=400, body=body)
    with pytest.raises(Refused) as refused:
        await say(twilio)
    assert refused.value.code == 21610


async def test_a_redirect_is_not_followed(twilio, fake):
    """Our credentials go where we sent them, and nowhere else."""
    fake.answer("create", status=307, headers={"Location": fake.url + ELSEWHERE})
    with pytest.raises(Refused):
        await say(twilio)
    assert len(fake.calls) == 1


async def test_nobody_listens(session):
    """A connection that is refused has sent nothing."""
    with pytest.raises(NotSent):
        await say(twilio_of(session, f"http://127.0.0.1:{free_port()}"))


async def test_a_host_without_an_address_was_sent_nothing(monkeypatch):
    """Each product has its host when none is given, whatever the package's environment says."""
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    names = NoNames()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=names)) as session:
        twilio = twilio_of(session, None)
        with pytest.raises(NotSent):
            await say(twilio)
        await twilio.typing("SM" + "0" * 32)
    assert names.asked == ["api.twilio.com", "messaging.twilio.com"]


async def test_whoever_speaks_no_tls_was_sent_nothing(session, fake):
    """The handshake comes before the request."""
    with pytest.raises(NotSent):
        await say(twilio_of(session, fake.url.replace("http:", "https:")))
    assert fake.calls == []


async def test_a_handshake_that_never_ends_sent_nothing(session, silent):
    """The time to connect is over before that of the whole."""
    with pytest.raises(NotSent):
        await say(twilio_of(session, f"https://127.0.0.1:{silent}", timeouts=HASTY))


async def test_whoever_listens_and_is_silent_leaves_us_in_doubt(session, silent):
    """The same without a handshake: the request was written."""
    with pytest.raises(InDoubt):
        await say(twilio_of(session, f"http://127.0.0.1:{silent}", timeouts=HASTY))


async def test_a_session_without_a_free_connection_sent_nothing(fake):
    """Who waits in the pool has not begun."""
    fake.hang("create", times=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        first = asyncio.create_task(say(twilio_of(session, fake.url, timeouts=PATIENT)))
        await fake.came("create")
        with pytest.raises(NotSent):
            await say(twilio_of(session, fake.url, timeouts=HASTY))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_closed_session_sends_nothing(twilio, session, fake):
    """As when the gateway stops."""
    await session.close()
    with pytest.raises(NotSent):
        await say(twilio)


async def test_a_certificate_that_is_not_trusted_is_sent_nothing(session, self_signed):
    """Neither words nor credentials."""
    with pytest.raises(NotSent):
        await say(twilio_of(session, self_signed))


@pytest.mark.parametrize(
    "arrange",
    [
        lambda fake: fake.fail("create", 21610),
        lambda fake: fake.fail("create", 20429, status=429),
        lambda fake: fake.answer("create", status=500, body=SECRET_WORDS),
        lambda fake: fake.answer("create", status=201, body=SECRET_WORDS, accepted=True),
        lambda fake: fake.answer("create", status=400, body=f'{{"message": "{SECRET_WORDS}"}}'),
        lambda fake: fake.drop("create", accepted=True),
    ],
)
async def test_no_error_says_what_was_said(twilio, fake, arrange):
    """Nor the credentials: it will be logged."""
    arrange(fake)
    with pytest.raises((Refused, Throttled, InDoubt)) as raised:
        await say(twilio)
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert SECRET_WORDS not in shown
    assert TOKEN not in shown


async def test_no_error_says_who_was_written_to(session, silent):
    """A list is asked for by its address, which names the person."""
    twilio = twilio_of(session, f"https://127.0.0.1:{silent}", timeouts=HASTY)
    with pytest.raises(NotSent) as raised:
        await twilio.recent(to=ANA, sender=BUSINESS, since=0)
    assert "15551230000" not in "".join(traceback.format_exception(raised.value))


async def test_json_is_sent_as_json(session):
    """The package's own client sends it as a form, with a header that says otherwise."""
    came = []

    async def echo(request):
        came.append((request.content_type, await request.json()))
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/v1/Content", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = Http(session, api_url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeouts=PATIENT)
    body = {"friendly_name": "é", "types": {"twilio/text": {"body": "hi"}}}
    headers = {"Content-Type": "application/json"}
    await http.request("POST", "https://content.twilio.com/v1/Content", data=body, headers=headers)
    await runner.cleanup()
    assert came == [("application/json", body)]
