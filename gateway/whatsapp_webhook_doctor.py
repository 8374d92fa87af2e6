"""Whether what Twilio signs is taken where Twilio posts to: at each public address, by each key."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from adapters.whatsapp.signature import sign
from gateway.checks import is_loopback
from gateway.config import Settings
from gateway.findings import Finding
from gateway.whatsapp import STATUS_PATH

TWILIO_API = "https://api.twilio.com"
LARGEST = 64 * 1024  # bytes
LONGEST_WORD = 80  # signs of a name that Twilio tells
SOMEBODY = "whatsapp:+15005550006"  # nobody's number; Twilio keeps it for tests
NO_MESSAGE = "SM" + "0" * 32  # no message ever has that SID, so nothing comes of the report

ASLEEP = frozenset({502, 503, 504})
START = "start the gateway and look again; if it runs, check that the way leads to it"
RESTART = "set the same one, and start it again"
PATHS = (
    "no WhatsApp there: a proxy strips a part of the path or adds one, PUBLIC_URL lacks the part"
    " that it strips, or the gateway was started without WhatsApp's settings"
)
UNKNOWN = (
    "the gateway there refuses what is signed for this address: its TWILIO_AUTH_TOKEN or its"
    " PUBLIC_URL is another: set the same ones, and start it again"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What an HTTP server said: `body` is empty where it was no JSON object."""

    status: int
    body: Mapping[str, Any]

    def word(self, name: str) -> str:
        """A word in the answer that may be shown; empty if it is not there."""
        value = self.body.get(name)
        shown = value if isinstance(value, str) else ""
        return "".join(sign for sign in shown if sign.isprintable())[:LONGEST_WORD]


async def webhooks(http: aiohttp.ClientSession, settings: Settings) -> AsyncIterator[Finding]:
    """A finding for each public address, and one for the SharedKeys if there are any."""
    for base in settings.public_urls:
        yield await _webhook(http, settings, base)
    if settings.twilio_shared:
        yield await _shared(http, settings)


async def _shared(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """Whether the gateway knows them; one that can't be reached has been told of."""
    what, base = "TWILIO_SHARED_KEYS", settings.public_urls[0]
    for number, (key, secret) in enumerate(settings.twilio_shared.items(), 1):
        try:
            said = await _post(http, settings, base, secret=secret, key=key)
        except (aiohttp.ClientError, TimeoutError, OSError):
            break
        if said.status == 403 and said.word("error"):
            words = f"the gateway there does not take what is signed with entry {number}"
            return Finding(what, "fail", f"{words}: {RESTART}")
    held = "1 key" if len(settings.twilio_shared) == 1 else f"{len(settings.twilio_shared)} keys"
    words = f"{held}; what is signed with TWILIO_AUTH_TOKEN is taken as well"
    return Finding(what, "ok", words)


async def _webhook(http: aiohttp.ClientSession, settings: Settings, base: str) -> Finding:
    """Whether a status that is signed as Twilio does is taken there, by a gateway as this."""
    what, url = "PUBLIC_URL", base + STATUS_PATH
    try:
        said = await _post(http, settings, base)
        if said.status == 403 and said.word("error"):
            return Finding(what, "fail", f"{url}: {await _why(http, settings, base, said)}")
    except aiohttp.ClientConnectorDNSError:
        return Finding(what, "fail", f"{url}: no server has that name")
    except aiohttp.ClientSSLError as error:
        words = f"its certificate is not good ({type(error).__name__}), and Twilio looks at it"
        return Finding(what, "fail", f"{url}: {words}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding(what, "warn", f"{url} can't be reached ({type(error).__name__}): {START}")
    return _answered(url, said, near=_near(settings, base))


async def _why(http: aiohttp.ClientSession, settings: Settings, base: str, said: Said) -> str:
    """What the gateway that refused would have taken; that tells what is different there."""
    if "another account" in said.word("error"):
        return f"the gateway there has another TWILIO_ACCOUNT_SID: {RESTART}"
    for other in _mistakable(base):
        if await _takes(http, settings, base, signed_for=other):
            return (
                f"the gateway there takes what is signed for {other} instead, so its PUBLIC_URL is"
                " another: set both to the address that Twilio posts to, and start it again"
            )
    for old in settings.twilio_auth_token[1:]:
        if await _takes(http, settings, base, secret=old.get_secret_value()):
            return "the gateway there knows the old TWILIO_AUTH_TOKEN alone: start it again"
    return UNKNOWN


async def _takes(http: aiohttp.ClientSession, settings: Settings, base: str, **signed: str) -> bool:
    return (await _post(http, settings, base, **signed)).status == 204


def _mistakable(base: str) -> Iterator[str]:
    """The addresses that `base` may be mistaken for, the likeliest first."""
    parts = urlsplit(base)
    schemes = ("https", "http") if parts.scheme == "https" else ("http", "https")
    paths = dict.fromkeys([parts.path, ""])
    places = dict.fromkeys([parts.netloc, re.sub(r":[0-9]+$", "", parts.netloc)])
    for path, place, scheme in product(paths, places, schemes):
        if (found := f"{scheme}://{place}{path}") != base:
            yield found
    yield f"{base}/"


async def _post(  # noqa: PLR0913 - where to, and how it is signed
    http: aiohttp.ClientSession,
    settings: Settings,
    base: str,
    *,
    signed_for: str | None = None,
    secret: str | None = None,
    key: str | None = None,
) -> Said:
    """Report on no message, in Twilio's name. Raises what aiohttp does when nobody answers.

    It is signed for the address that it goes to, with the first token, unless otherwise given;
    with a `key`, as Twilio does with the SharedKey of that id.
    """
    fields = {
        "AccountSid": settings.twilio_account_sid or "",
        "MessageSid": NO_MESSAGE,
        "MessageStatus": "queued",
        "To": SOMEBODY,
        "From": f"whatsapp:{settings.twilio_whatsapp_number or SOMEBODY.partition(':')[2]}",
    }
    secret = secret or settings.twilio_auth_token[0].get_secret_value()
    signature = sign(
        (signed_for or base) + STATUS_PATH,
        list(fields.items()),
        secret,
        algorithm="sha256" if key else "sha1",
    )
    headers = {"X-Twilio-Signature": signature}
    if key:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={key},algorithm=HMAC_SHA256"
    async with http.post(
        base + STATUS_PATH, data=fields, headers=headers, allow_redirects=False
    ) as answer:
        return await said_by(answer)


def _answered(url: str, said: Said, *, near: bool) -> Finding:
    what, status = "PUBLIC_URL", said.status
    if status == 204 and not near:
        return Finding(what, "ok", f"{url} takes what Twilio tells: signatures fit")
    if status == 204:
        words = "signatures fit, but only on this machine: Twilio needs an address of the world's"
        return Finding(what, "warn", f"{url}: {words}")
    if status == 503 and said.word("error"):
        words = "signatures fit, but nothing could be stored there: look at DATABASE_URL"
        return Finding(what, "warn", f"{url}: {words}")
    if status in ASLEEP:
        return Finding(what, "warn", f"{url} has no gateway behind it (HTTP {status}): {START}")
    return Finding(what, "fail", f"{url}: {_mistaken(status)} (HTTP {status})")


def _mistaken(status: int) -> str:
    if 200 <= status < 300:
        return "what answers there is not this gateway: check the address, and its path"
    if 300 <= status < 400:
        return (
            "it leads elsewhere, and signatures are for one address alone: set the one that"
            " answers itself"
        )
    if status == 404:
        return PATHS
    return "a proxy in between refuses what Twilio sends: let it pass"


def _near(settings: Settings, base: str) -> bool:
    """Whether the address is of this machine, while Twilio is elsewhere."""
    ours, theirs = (
        urlsplit(url).hostname or "" for url in (base, settings.twilio_api_url or TWILIO_API)
    )
    return is_loopback(ours) and not is_loopback(theirs)


async def said_by(answer: aiohttp.ClientResponse) -> Said:
    """What is at the beginning: an answer that is longer is none of Twilio's or ours."""
    content = b""
    async for piece in answer.content.iter_any():
        content += piece
        if len(content) > LARGEST:
            break
    try:
        body: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = {}
    return Said(status=answer.status, body=body if isinstance(body, dict) else {})
