"""The door: what comes in, what is sent away, and what Twilio is told."""

import asyncio
import json
from urllib.parse import urlencode

import pytest

from adapters.whatsapp import ingress
from adapters.whatsapp.events import Malformed
from adapters.whatsapp.signature import sign
from core.database import DatabaseDown
from core.errors import RateLimited, Transient
from tests.adapters.whatsapp_ingress.stage import (
    OLD,
    OTHER,
    SHARED_KEY,
    SHARED_SECRET,
    door,
)
from tests.adapters.whatsapp_ingress.vectors import (
    PATH,
    PUBLIC,
    STATUS,
    TOKEN_OF_OURS,
    WHATSAPP,
    B,
    W,
    pairs,
)

BODY = urlencode(pairs(B)).encode()
V01 = WHATSAPP["v01"][2]
OURS = {
    number: each for number, each in WHATSAPP.items() if ("AccountSid", B["AccountSid"]) in each[1]
}
PUBLISHED = {number: each for number, each in OURS.items() if number not in {"v08", "v10", "v15"}}


@pytest.mark.parametrize(("url", "fields", "signature"), PUBLISHED.values(), ids=PUBLISHED)
async def test_what_twilio_signed_comes_in(url, fields, signature):
    """With the first value of each field, as it was sent; the answer is an empty document."""
    async with door() as house:
        path = url.removeprefix(PUBLIC).removeprefix(":443")
        answered = await house.post(urlencode(fields).encode(), signature, path)
        assert (answered.status, answered.headers["Content-Type"]) == (200, "text/xml")
        assert answered.body == b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
        assert house.inbound == [dict(reversed(fields))]


async def test_a_status_is_answered_with_nothing():
    """204, and no body that could be taken for a message."""
    async with door() as house:
        url, fields, signature = WHATSAPP["v15"]
        path = url.removeprefix(PUBLIC)
        answered = await house.post(urlencode(fields).encode(), signature, path)
        assert (answered.status, answered.body) == (204, b"")
        assert (house.statuses, house.inbound) == ([dict(STATUS)], [])


@pytest.mark.parametrize("number", ["v02", "v07", "v08", "v10", "v15"])
async def test_another_request_s_signature_is_refused(number):
    """403: another body, a trailing slash, another port, scheme or route."""
    async with door() as house:
        answered = await house.post(BODY, WHATSAPP[number][2])
        assert (answered.status, house.inbound) == (403, [])


@pytest.mark.parametrize("path", [PATH, f"{PATH}/status"])
@pytest.mark.parametrize("signature", [None, "", "x", V01[:-1], "ä", "\udcff\udcfe"])
async def test_who_has_no_signature_stays_outside(path, signature):
    """403 in JSON, whatever stands in the header; nothing is taken."""
    async with door() as house:
        answered = await house.post(BODY, signature, path)
        assert answered.status == 403
        assert "TWILIO_AUTH_TOKEN" in json.loads(answered.body)["error"]
        assert house.inbound + house.statuses == []


async def test_bytes_that_are_no_text_are_no_signature():
    """403 also for what only a raw socket sends."""
    async with door() as house:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: "
        answered = await house.raw((head + kind).encode() + b"\xff\xc3\r\n\r\na=b")
        assert answered == 403


async def test_the_old_token_counts_while_the_new_takes_over():
    """What either of them signed comes in."""
    async with door() as house:
        assert (await house.post(BODY, sign(W, pairs(B), OLD))).status == 200


async def test_each_public_url_counts():
    """Also with a path that a proxy takes off, and without a slash too many."""
    async with door() as house:
        signature = sign(OTHER.rstrip("/") + PATH, pairs(B), TOKEN_OF_OURS)
        assert (await house.post(BODY, signature)).status == 200


async def test_the_host_header_counts_for_nothing():
    """Who chooses the host does not choose what was signed."""
    async with door() as house:
        signature = sign(f"http://evil.example.com{PATH}", pairs(B), TOKEN_OF_OURS)
        where = {"Host": "evil.example.com", "X_Forwarded_Host": "evil.example.com"}
        assert (await house.post(BODY, signature, **where)).status == 403
        assert (await house.post(BODY, V01, **where)).status == 200


async def test_a_shared_key_comes_in_by_its_header():
    """Signed with SHA-256 and the key that the header names."""
    async with door() as house:
        signature = sign(W, pairs(B), SHARED_SECRET, algorithm="sha256")
        told = {"X_Twilio_Webhooks_Signature_Settings": f"key={SHARED_KEY},algorithm=HMAC_SHA256"}
        assert (await house.post(BODY, signature, **told)).status == 200
        assert (await house.post(BODY, signature)).status == 403


@pytest.mark.parametrize("path", ["/w/%7Eu/a%2Fb?x=%7E&z=a+b&w=a%20b&e=", "//a//../b/?", "/%c3%a9"])
async def test_the_path_is_signed_as_it_was_sent(path):
    """Nothing is decoded, cut or put in order."""
    async with door() as house:
        line = f"POST {path} HTTP/1.1\r\nHost: x\r\n"
        head = line + f"X-Twilio-Signature: {sign(PUBLIC + path, pairs(B), TOKEN_OF_OURS)}\r\n"
        kind = f"Content-Type: {ingress.FORM}\r\nContent-Length: {len(BODY)}\r\n\r\n"
        assert (await house.raw((head + kind).encode() + BODY)) == 200


async def test_a_whole_url_is_no_path():
    """400, even if our URL and it were signed in a row."""
    async with door() as house:
        path = f"http://evil.example.com{PATH}"
        signature = sign(PUBLIC + path, pairs(B), TOKEN_OF_OURS)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n"
        kind = f"Content-Type: {ingress.FORM}\r\nContent-Length: {len(BODY)}\r\n"
        sent = f"{head}{kind}X-Twilio-Signature: {signature}\r\n\r\n".encode() + BODY
        assert (await house.raw(sent)) == 400
        assert house.inbound == []


async def test_another_account_s_message_is_refused():
    """403, although its signature fits."""
    async with door() as house:
        for fields in (pairs(B, AccountSid="AC" + "0" * 32), pairs({"Body": "x"})):
            assert (await house.say(fields)).status == 403
        assert house.inbound == []


@pytest.mark.parametrize("route", ["inbound", "status"])
@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (DatabaseDown("down"), "5"),
        (Transient("restarting", retry_after=0.2), "1"),
        (RateLimited("later", retry_after=7.1), "8"),
        (TimeoutError(), "5"),
    ],
)
async def test_what_can_t_be_stored_is_sent_again(route, fault, wait):
    """503 in JSON, with the time to wait; it is nobody's fault, and not counted."""
    async with door() as house:
        house.fault = fault
        path, fields = (PATH, B) if route == "inbound" else (f"{PATH}/status", STATUS)
        answered = await house.say(pairs(fields), path)
        assert (answered.status, answered.headers["Retry-After"]) == (503, wait)
        assert list(json.loads(answered.body)) == ["error"]
        assert house.facts == []


async def test_what_takes_too_long_is_sent_again(monkeypatch):
    """503 before Twilio gives up by itself."""
    monkeypatch.setattr(ingress, "TAKING", 0.01)
    async with door() as house:
        house.gate.clear()
        assert (await house.say(pairs(B))).status == 503


async def test_what_came_is_stored_also_if_twilio_hangs_up():
    """It may never be sent again."""
    async with door() as house:
        house.gate.clear()
        asking = asyncio.create_task(house.say(pairs(B)))
        while not house.waiting:  # noqa: ASYNC110 - the door does not tell
            await asyncio.sleep(0.001)
        asking.cancel()
        await house.http.close()
        while house.server.handler.connections:  # noqa: ASYNC110 - nor does the server
            await asyncio.sleep(0.001)
        house.gate.set()
        while not house.inbound:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        assert house.inbound == [B]


async def test_what_twilio_never_sends_is_refused():
    """400, and the field is named."""
    async with door() as house:
        house.fault = Malformed("From")
        answered = await house.say(pairs(B))
        assert answered.status == 400
        assert json.loads(answered.body)["error"].startswith("From ")


async def test_what_is_turned_away_is_told_once_a_minute():
    """With how many there were, each reason for itself; a stranger can't fill the log."""
    async with door() as house:
        for wait in (0, 1, 58, 1, 61):
            house.clock.advance(wait)
            await house.post(BODY, "x")
        await house.post(BODY, V01, Content_Type="text/plain")
        assert [(fact.platform, fact.reason, fact.count) for fact in house.facts] == [
            ("whatsapp", "signature", 1),
            ("whatsapp", "signature", 3),
            ("whatsapp", "signature", 1),
            ("whatsapp", "unreadable", 1),
        ]


async def test_refusals_are_told_by_their_reasons():
    """Another account's, and what can't be what it says."""
    async with door() as house:
        await house.say(pairs(B, AccountSid="AC2"))
        house.fault = Malformed("From")
        await house.say(pairs(B))
        assert [fact.reason for fact in house.facts] == ["account", "malformed"]
