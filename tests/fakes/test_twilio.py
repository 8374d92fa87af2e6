"""The fake of Twilio is worth its tests only if it is as strict as Twilio."""

import asyncio
import json
from urllib.parse import parse_qsl

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from twilio.request_validator import RequestValidator

from tests.fakes.hands import HandClock
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN, FakeTwilio

BOB, SERVICE, TEMPLATE = "whatsapp:US.1349abc", "MG" + "0" * 32, "HX" + "0" * 32
CALLBACK = "https://gw.example.com/whatsapp/status?lane=7"
HOUR = 3600.0


class Gateway:
    """Takes what is told, and keeps it."""

    def __init__(self):
        self.told = []
        self.url = ""
        self.answer = web.Response

    async def take(self, request):
        """Keeps the path, the fields, the headers, and whether all of it is signed."""
        raw = (await request.read()).decode()
        fields = dict(parse_qsl(raw, keep_blank_values=True))
        public = "https://gw.example.com" + request.raw_path
        signature = request.headers["X-Twilio-Signature"]
        signed = RequestValidator(TOKEN).validate(public, fields, signature)
        self.told.append((request.raw_path, fields, request.headers, signed))
        return self.answer()

    @property
    def fields(self):
        return [fields for _, fields, _, _ in self.told]

    @property
    def statuses(self):
        return [fields["MessageStatus"] for fields in self.fields]


@pytest_asyncio.fixture
async def gateway():
    made = Gateway()
    app = web.Application()
    app.router.add_post("/{path:.*}", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def fake(gateway):
    async with FakeTwilio(clock=HandClock(), gateway=gateway.url) as running:
        running.open_window(ANA)
        running.open_window(BOB)
        yield running


class Api:
    """Asks the fake, without any client's help."""

    def __init__(self, session, fake):
        self.session, self.fake = session, fake
        self.auth = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}

    async def ask(self, method, path, **given):
        async with self.session.request(
            method, self.fake.url + path, headers=self.auth, allow_redirects=False, **given
        ) as response:
            raw = await response.read()
            body = json.loads(raw) if response.content_type == "application/json" else raw
            return response.status, body, response.headers

    async def create(self, account=ACCOUNT, **form):
        form = {"To": ANA, "From": BUSINESS, "Body": "hello"} | form
        form = {name: value for name, value in form.items() if value is not None}
        path = f"/2010-04-01/Accounts/{account}/Messages.json"
        status, body, _ = await self.ask("POST", path, data=form)
        return status, body

    async def listed(self, **query):
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        _, body, _ = await self.ask("GET", path, params=query)
        return [each["body"] for each in body["messages"]], body

    async def typing(self, **form):
        status, body, _ = await self.ask("POST", "/v2/Indicators/Typing.json", data=form)
        return status, body


@pytest_asyncio.fixture
async def api(fake):
    async with aiohttp.ClientSession() as session:
        yield Api(session, fake)


async def test_a_message_is_queued_under_a_sid_of_its_own(api, fake):
    """And is seen at once by the person, in the order of acceptance."""
    answers = [await api.create(Body=body) for body in ("one", "two")]
    assert [status for status, _ in answers] == [201, 201]
    sids = {body["sid"] for _, body in answers}
    assert len(sids) == 2
    assert all(sid.startswith("SM") and len(sid) == 34 for sid in sids)
    assert answers[0][1]["status"] == "queued"
    assert fake.seen(ANA) == ["one", "two"]
    assert fake.seen(BOB) == []


async def test_whoever_is_not_the_account_is_refused(api):
    """By its key, and by the account in the address."""
    assert (await api.create(account="AC" + "1" * 32))[1]["code"] == 20404
    api.auth = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "wrong")}
    assert (await api.create())[0] == 401
    api.auth = {}
    assert (await api.create())[1]["code"] == 20003


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Body": "x" * 1601}, 21617),
        ({"Body": "👍" * 801}, 21617),
        ({"Body": None}, 21619),
        ({"Body": ""}, 21619),
        ({"From": "whatsapp:+19995550000"}, 21212),
        ({"From": None}, 21603),
        ({"From": None, "MessagingServiceSid": SERVICE}, 21703),
        ({"To": "whatsapp:+US.1349abc"}, 21211),
        ({"To": "+15551230000"}, 21211),
        ({"To": "whatsapp:15551230000"}, 21211),
        ({"ContentSid": TEMPLATE, "Body": None}, 21655),
        ({"StatusCallback": "gw.example.com/status"}, 21609),
        ({"StatusCallback": "https://my_host/status"}, 21609),
    ],
)
async def test_what_twilio_refuses_is_refused(api, fake, form, code):
    """With its code, and nobody sees anything."""
    status, body = await api.create(**form)
    assert (status, body["status"], body["code"]) == (400, 400, code)
    assert fake.messages == {}


@pytest.mark.parametrize("body", ["x" * 1600, "👍" * 800])
async def test_the_longest_body_is_taken(api, fake, body):
    """It is counted in UTF-16 units."""
    await api.create(Body=body)
    assert fake.seen(ANA) == [body]


async def test_an_id_without_a_number_is_an_address(api, fake):
    """It has no plus."""
    assert (await api.create(To=BOB))[0] == 201
    assert fake.seen(BOB) == ["hello"]


async def test_who_opted_out_gets_nothing(api, fake):
    """Until they opt in again."""
    fake.opted_out.add(ANA)
    assert (await api.create())[1]["code"] == 21610
    fake.opted_out.remove(ANA)
    assert (await api.create())[0] == 201


async def test_a_template_has_its_variables_filled(api, fake):
    """They come as JSON, or are refused."""
    fake.templates[TEMPLATE] = "{{1}} is ready."
    form = {"Body": None, "ContentSid": TEMPLATE}
    await api.create(**form, ContentVariables='{"1": "It"}')
    assert (await api.create(**form, ContentVariables="1=It"))[1]["code"] == 21656
    assert fake.seen(ANA) == ["It is ready."]


async def test_after_24_hours_a_message_is_accepted_and_fails(api, fake, gateway):
    """Only its callback tells, and a template goes through."""
    fake.templates[TEMPLATE] = "Still there?"
    fake.clock.advance(24 * HOUR - 1)
    await api.create(Body="in time")
    fake.clock.advance(1)
    status, body = await api.create(Body="late", StatusCallback=CALLBACK)
    await api.create(Body=None, ContentSid=TEMPLATE)
    assert (status, body["error_code"]) == (201, None)
    assert fake.seen(ANA) == ["in time", "Still there?"]
    await fake.callbacks(body["sid"])
    assert gateway.fields[0]["MessageStatus"] == "failed"
    assert gateway.fields[0]["ErrorCode"] == "63016"


async def test_a_person_who_writes_opens_the_window(api, fake):
    """To the number that they wrote to, from then on."""
    fake.clock.advance(25 * HOUR)
    await fake.inbound(ANA, "hello")
    await api.create(Body="hi")
    fake.senders.add("whatsapp:+14155230000")
    await api.create(Body="who?", From="whatsapp:+14155230000")
    assert fake.seen(ANA) == ["hi"]


async def test_one_person_can_be_written_to_45_times_at_once(api, fake):
    """Then once in six seconds; the rest is accepted and fails."""
    for number in range(46):
        await api.create(Body=str(number))
    await api.create(To=BOB)
    assert len(fake.seen(ANA)) == 45
    assert fake.sent(ANA)[45].fate == 63018
    assert fake.seen(BOB) == ["hello"]
    fake.clock.advance(6)
    await api.create(Body="again")
    assert fake.seen(ANA)[-1] == "again"


async def test_the_pairs_limit_may_be_told_at_once(api, fake):
    """What Twilio does is not written down, so it can be both."""
    fake.pairs.burst, fake.pair_limit_at_create = 1, True
    await api.create()
    status, body = await api.create()
    assert (status, body["code"]) == (429, 63018)


async def test_too_many_calls_at_a_time_are_refused(api, fake):
    """With the seconds to wait."""
    fake.concurrency, fake.retry_after = 1, 3
    hold = fake.hang("create")
    first = asyncio.create_task(api.create())
    await hold.reached.wait()
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    status, body, headers = await api.ask("GET", path)
    assert (status, body["code"], headers["Retry-After"]) == (429, 20429, "3")
    hold.release()
    assert (await first)[0] == 201


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_error_says_nothing_about_what_was_done(api, fake, accepted):
    """500 and a closed connection may come after the message was accepted."""
    fake.fail("create", 20500, status=500, accepted=accepted)
    assert (await api.create(Body="one"))[0] == 500
    fake.drop("create", accepted=accepted)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.create(Body="two")
    assert fake.seen(ANA) == (["one", "two"] if accepted else [])


@pytest.mark.parametrize("accepted", [True, False])
async def test_who_does_not_wait_for_an_answer_may_have_been_heard(api, fake, accepted):
    """A call that hangs is accepted before, or never."""
    hold = fake.hang("create", accepted=accepted)
    call = asyncio.create_task(api.create())
    await hold.reached.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await fake.until(lambda: fake.running == 0)
    assert len(fake.seen(ANA)) == accepted


async def test_faults_wait_for_their_turn(api, fake):
    """After so many calls, so many times, and for whom they are meant."""
    fake.fail("create", 20429, status=429, retry_after=2, after=1, times=2, to=ANA)
    statuses = [(await api.create(To=to))[0] for to in (ANA, BOB, ANA, ANA, ANA)]
    assert statuses == [201, 201, 429, 429, 201]


async def test_the_list_is_filtered(api, fake):
    """The newest first; what was not sent yet passes no filter for when it was sent."""
    for body, to in (("one", ANA), ("two", BOB), ("three", ANA)):
        _, made = await api.create(Body=body, To=to)
        if body == "one":
            await fake.callbacks(made["sid"], "sent")
        fake.clock.advance(1)
    await fake.inbound(ANA, "theirs")
    assert (await api.listed(To=ANA))[0] == ["three", "one"]
    assert (await api.listed(From=ANA))[0] == ["theirs"]
    assert (await api.listed(**{"To": ANA, "DateSent>": "2020-01-01"}))[0] == ["one"]
    assert (await api.listed(**{"To": ANA, "DateSent>": "2999-01-01T00:00:00Z"}))[0] == []
    assert (await api.listed(**{"To": ANA, "DateSent<": "2999-01-01"}))[0] == ["one"]
    assert (await api.listed(To=ANA, DateSent="2027-01-15"))[0] == ["one"]


async def test_the_list_has_pages(api, fake):
    """A page tells the next one's address, and what comes meanwhile moves nothing."""
    for number in range(5):
        await api.create(Body=str(number))
    bodies, page = await api.listed(To=ANA, PageSize="2")
    await api.create(Body="new")
    while page["next_page_uri"]:
        _, page, _ = await api.ask("GET", page["next_page_uri"])
        bodies += [each["body"] for each in page["messages"]]
    assert bodies == ["4", "3", "2", "1", "0"]


async def test_a_message_is_told_as_it_stands(api, fake):
    """A failure with its code."""
    _, made = await api.create()
    await fake.callbacks(made["sid"], "sent", "failed", error=63024)
    _, found, _ = await api.ask("GET", made["uri"])
    assert (found["status"], found["error_code"]) == ("failed", 63024)
    assert fake.seen(ANA) == []


async def test_typing_is_for_a_message_that_came_in(api, fake):
    """In WhatsApp, by its SID; it then counts as read."""
    asked = (await fake.inbound(ANA, "hello")).sid
    _, made = await api.create()
    assert (await api.typing(channel="WhatsApp", messageId=asked))[0] == 400
    assert (await api.typing(channel="whatsapp", messageId="SM1"))[0] == 400
    assert (await api.typing(channel="whatsapp", messageId=made["sid"]))[0] == 404
    assert await api.typing(channel="whatsapp", messageId=asked) == (200, {"success": True})
    assert fake.typings == [asked]
    assert fake.messages[asked].status == "read"


async def test_a_persons_message_is_told_as_twilio_does(fake, gateway):
    """Signed for the public address, with the fields of a real one."""
    sent = await fake.inbound(ANA, "¡Olé! 👍🏽")
    path, fields, headers, signed = gateway.told[0]
    assert (path, signed, sent.status) == ("/whatsapp", True, 200)
    assert (fields["Body"], fields["From"], fields["To"]) == ("¡Olé! 👍🏽", ANA, BUSINESS)
    assert fields["MessageSid"] == fields["SmsSid"] == fields["SmsMessageSid"] == sent.sid
    assert (fields["SmsStatus"], fields["MessageType"]) == ("received", "text")
    assert (fields["WaId"], fields["NumMedia"]) == ("15551230000", "0")
    assert headers["I-Twilio-Idempotency-Token"]


async def test_a_message_can_be_told_more_than_once(fake, gateway):
    """The same in all: the SID, the fields, and the token of the delivery."""
    sent = await fake.inbound(ANA, "hello", duplicates=3)
    await fake.redeliver(sent.sid)
    assert len(sent.answers) == 3
    assert len(gateway.told) == 4
    assert all(fields == gateway.fields[0] for fields in gateway.fields)
    assert len({headers["I-Twilio-Idempotency-Token"] for _, _, headers, _ in gateway.told}) == 1


async def test_other_fields_are_said_by_the_test(fake, gateway):
    """They are signed too; None leaves one out."""
    place = {"Latitude": "1.5", "Longitude": "2.5"}
    await fake.inbound(BOB, "", ProfileName=None, ExternalUserId="US.1349abc", **place)
    _, fields, _, signed = gateway.told[0]
    assert signed
    assert (fields["MessageType"], fields["Latitude"], fields["Body"]) == ("location", "1.5", "")
    assert "ProfileName" not in fields
    assert "WaId" not in fields


async def test_a_signature_can_be_wrong(fake, gateway):
    """For a gateway that looks."""
    await fake.post("/whatsapp", {"Body": "x"}, signature="AAAA")
    assert gateway.told[0][3] is False


async def test_a_gateway_that_is_away_has_no_status(fake, gateway):
    """The message can be told again."""
    fake.gateway = "http://127.0.0.1:9"
    sent = await fake.inbound(ANA, "hello")
    assert sent.status == 0
    fake.gateway = gateway.url
    assert (await fake.redeliver(sent.sid)).status == 200


async def test_text_that_a_webhook_is_answered_with_is_sent(fake, gateway):
    """A trap: the person reads it. TwiML without a message is silent."""
    gateway.answer = lambda: web.Response(text="<Response/>", content_type="text/xml")
    await fake.inbound(ANA, "hello")
    assert fake.seen(ANA) == []
    gateway.answer = lambda: web.Response(text="ok")
    await fake.inbound(ANA, "hello")
    assert fake.seen(ANA) == ["ok"]


async def test_callbacks_go_where_the_message_says(api, fake, gateway):
    """Signed for that address, with the fields of real ones; and a sent one has its time."""
    _, made = await api.create(StatusCallback=CALLBACK)
    await fake.callbacks(made["sid"])
    assert gateway.statuses == ["sent", "delivered", "read"]
    path, fields, _, signed = gateway.told[-1]
    assert (path, signed) == ("/whatsapp/status?lane=7", True)
    assert (fields["MessageSid"], fields["EventType"]) == (made["sid"], "READ")
    assert (fields["From"], fields["To"], fields["ChannelPrefix"]) == (BUSINESS, ANA, "whatsapp")
    assert fake.messages[made["sid"]].sent_at == fake.clock.now()


async def test_callbacks_can_come_in_another_order(api, fake, gateway):
    """What happened stays as it was."""
    _, made = await api.create(StatusCallback=CALLBACK)
    await fake.callbacks(made["sid"], "queued", "sent", "delivered", shuffled=True)
    assert sorted(gateway.statuses) == ["delivered", "queued", "sent"]
    assert gateway.statuses != ["queued", "sent", "delivered"]
    assert fake.messages[made["sid"]].status == "delivered"


async def test_a_message_without_an_address_for_them_has_no_callbacks(api, fake, gateway):
    """As at Twilio."""
    _, made = await api.create()
    assert await fake.callbacks(made["sid"]) == []
    assert gateway.told == []


async def test_callbacks_can_come_by_themselves(api, fake, gateway):
    """Those of a message that is doomed tell of that."""
    fake.automatic = ("sent", "delivered")
    fake.doom(ANA, 63012)
    for body in ("lost", "seen"):
        await api.create(Body=body, StatusCallback=CALLBACK)
        await fake.settled()
    assert gateway.statuses == ["failed", "sent", "delivered"]
    assert fake.seen(ANA) == ["seen"]


async def test_media_are_fetched_from_a_second_origin(api, fake, gateway):
    """Twilio wants credentials and sends on to one that must not see them."""
    fake.api = fake.url
    await fake.inbound(ANA, media=[("image/jpeg", b"\xff\xd8\xff")])
    (fields,) = gateway.fields
    assert (fields["NumMedia"], fields["MessageType"]) == ("1", "image")
    assert (fields["MediaContentType0"], fields["MessageSid"][:2]) == ("image/jpeg", "MM")
    path = fields["MediaUrl0"].removeprefix(fake.url)
    status, _, headers = await api.ask("GET", path)
    async with api.session.get(headers["Location"]) as fetched:
        assert (status, await fetched.read()) == (302, b"\xff\xd8\xff")
        assert fetched.content_type == "image/jpeg"
    assert fake.store.leaks == []
    assert not headers["Location"].startswith(fake.url)
    api.auth = {}
    assert (await api.ask("GET", path))[0] == 401


async def test_the_second_origin_keeps_who_showed_it_credentials(api, fake, gateway):
    """And gives them nothing."""
    await fake.inbound(ANA, media=[("audio/ogg", b"OggS")])
    path = gateway.fields[0]["MediaUrl0"].removeprefix("https://api.twilio.com")
    _, _, headers = await api.ask("GET", path)
    async with api.session.get(headers["Location"], headers=api.auth) as fetched:
        assert fetched.status == 400
    assert len(fake.store.leaks) == 1


async def test_a_service_sends_for_one_of_its_numbers(api, fake):
    """Which one is not told at first; one can be asked for."""
    fake.services[SERVICE] = (BUSINESS,)
    _, made = await api.create(From=None, MessagingServiceSid=SERVICE)
    assert (made["status"], made["from"], made["messaging_service_sid"]) == (
        "accepted",
        None,
        SERVICE,
    )
    await fake.callbacks(made["sid"], "sent")
    _, found, _ = await api.ask("GET", made["uri"])
    assert found["from"] == BUSINESS
