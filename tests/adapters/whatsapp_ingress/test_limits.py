"""What a request may be before anybody looks at what it says."""

from urllib.parse import urlencode

import pytest

from adapters.whatsapp import ingress
from tests.adapters.whatsapp_ingress.stage import door
from tests.adapters.whatsapp_ingress.vectors import PATH, WHATSAPP, B, pairs

BODY = urlencode(pairs(B)).encode()
V01 = WHATSAPP["v01"][2]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "x", ""])
async def test_other_content_types_are_refused(kind):
    """415: a form is what Twilio sends."""
    async with door() as house:
        answered = await house.post(BODY, V01, Content_Type=kind)
        assert (answered.status, house.inbound) == (415, [])


async def test_a_content_type_may_be_written_otherwise():
    """Case and parameters mean nothing: it is UTF-8 in any case."""
    async with door() as house:
        kind = "Application/X-WWW-Form-URLEncoded; charset=bogus"
        assert (await house.post(BODY, V01, Content_Type=kind)).status == 200


@pytest.mark.parametrize("size", [256 * 1024 + 1, 5 * 1024 * 1024])
async def test_a_body_larger_than_256_kib_is_refused(size):
    """413."""
    async with door() as house:
        assert (await house.post(b"x" * size, V01)).status == 413


async def test_a_body_of_256_kib_is_taken():
    """The limit belongs to what may come."""
    async with door() as house:
        empty = len(urlencode(pairs(B, Body="")))
        fields = pairs(B, Body="x" * (256 * 1024 - empty))
        assert (await house.say(fields)).status == 200


async def test_a_body_in_chunks_has_the_same_limit():
    """413, before all of it came."""

    async def chunks():
        for _ in range(20):
            yield b"x" * 64 * 1024

    async with door() as house:
        assert (await house.post(chunks(), V01)).status == 413


@pytest.mark.parametrize("headers", ["Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"])
async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch, headers):
    """408, and the connection is free for others."""
    monkeypatch.setattr(ingress, "PATIENCE", 0)
    async with door() as house:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\n"
        kind = f"Content-Type: {ingress.FORM}\r\n{headers}\r\n"
        assert (await house.raw((head + kind).encode())) == 408


async def test_who_signs_nothing_is_not_listened_to():
    """403 before the body came: a stranger's bytes take no memory."""
    async with door() as house:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {ingress.FORM}\r\n"
        assert await house.raw(f"{head}Content-Length: 9\r\n\r\n".encode()) == 403


async def test_a_body_of_another_encoding_than_its_headers_say_is_refused():
    """400: nobody can tell what it is."""
    async with door() as house:
        answered = await house.post(b"not zipped", V01, Content_Encoding="gzip")
        assert answered.status == 400
