"""What the doctor looks at of WhatsApp: the account at Twilio, and whether its signatures fit."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from pydantic import SecretStr

from adapters.whatsapp.signature import sign
from core.errors import Transient
from gateway.checks import is_loopback
from gateway.config import Settings
from gateway.findings import Finding
from gateway.whatsapp import STATUS_PATH

TWILIO_API = "https://api.twilio.com"
PATIENCE = aiohttp.ClientTimeout(total=5)
LARGEST = 64 * 1024  # bytes
LONGEST_WORD = 80  # signs of a name that Twilio tells
SOMEBODY = "whatsapp:+15005550006"  # nobody's number; Twilio keeps it for tests
NO_MESSAGE = "SM" + "0" * 32  # no message ever has that SID, so nothing comes of the report

SUSPENDED = 20005  # Twilio's code for an account that is not active
COPY = "copy it anew from the account's page in Twilio's console"
LATER = "Twilio was asked too often: look again in a minute"
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


async def whatsapp(settings: Settings) -> AsyncIterator[Finding]:
    """How the gateway is connected with WhatsApp; nothing where it is not to be."""
    if not settings.whatsapp_on:
        return
    async with aiohttp.ClientSession(timeout=PATIENCE) as http:
        try:
            account = await _account(http, settings)
        except Transient as error:
            words = f"Twilio can't be asked ({error}): check the way there"
            account = Finding("TWILIO_API_URL", "fail", f"{words}, and TWILIO_API_URL if it is set")
        yield account
        yield await _webhook(http, settings)


async def _account(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """What Twilio says of the account. Raises `Transient` where it can't be reached."""
    said = await _ask(http, settings, settings.twilio_auth_token[0])
    if said.status == 200 and said.word("status") == "active":
        kind = " (on trial)" if said.word("type") == "Trial" else ""
        words = f"opens the account {said.word('friendly_name')}".rstrip()
        return Finding("TWILIO_AUTH_TOKEN", "ok", words + kind)
    if said.status == 200 and said.word("status"):
        return _closed(said.word("status"))
    if said.status in {401, 403} and said.body.get("code") == SUSPENDED:
        return _closed("not active")
    if said.status == 401:
        return await _unknown(http, settings)
    if said.status == 404:
        return Finding("TWILIO_ACCOUNT_SID", "fail", f"Twilio knows no such account: {COPY}")
    if said.status == 429:
        return Finding("TWILIO_AUTH_TOKEN", "warn", LATER)
    raise Transient(f"HTTP {said.status}, and not in Twilio's words")


async def _unknown(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """The first token is refused; while tokens are changed, the second may be the right one."""
    for other in settings.twilio_auth_token[1:]:
        if (await _ask(http, settings, other)).status == 200:
            words = "Twilio does not know the first one, but the second: put that one first"
            return Finding("TWILIO_AUTH_TOKEN", "fail", words)
    words = f"Twilio does not know it together with TWILIO_ACCOUNT_SID: {COPY}"
    return Finding("TWILIO_AUTH_TOKEN", "fail", words)


def _closed(status: str) -> Finding:
    words = f"the account is {status}, and sends nothing: see Twilio's console for why"
    return Finding("TWILIO_ACCOUNT_SID", "fail", words)


async def _ask(http: aiohttp.ClientSession, settings: Settings, token: SecretStr) -> Said:
    account = settings.twilio_account_sid or ""
    url = f"{settings.twilio_api_url or TWILIO_API}/2010-04-01/Accounts/{account}.json"
    known = aiohttp.encode_basic_auth(account, token.get_secret_value())
    try:
        async with http.get(url, headers={"Authorization": known}, allow_redirects=False) as answer:
            return await _said(answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Transient(type(error).__name__) from error


async def _webhook(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """Whether a status that is signed as Twilio does is taken there, by a gateway as this."""
    what, base = "PUBLIC_URL", settings.public_url or ""
    url = base + STATUS_PATH
    try:
        said = await _post(http, settings, signed_for=url)
        if said.status == 403 and said.word("error"):
            return Finding(what, "fail", f"{url}: {await _why(http, settings, said)}")
    except aiohttp.ClientConnectorDNSError:
        return Finding(what, "fail", f"{url}: no server has that name")
    except aiohttp.ClientSSLError as error:
        words = f"its certificate is not good ({type(error).__name__}), and Twilio looks at it"
        return Finding(what, "fail", f"{url}: {words}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding(what, "warn", f"{url} can't be reached ({type(error).__name__}): {START}")
    return _answered(url, said, near=_near(settings))


async def _why(http: aiohttp.ClientSession, settings: Settings, said: Said) -> str:
    """What the gateway that refused would have taken; that tells what is different there."""
    if "another account" in said.word("error"):
        return f"the gateway there has another TWILIO_ACCOUNT_SID: {RESTART}"
    for other in _mistakable(settings.public_url or ""):
        if await _takes(http, settings, signed_for=other + STATUS_PATH):
            return (
                f"the gateway there takes what is signed for {other} instead, so its PUBLIC_URL is"
                " another: set both to the address that Twilio posts to, and start it again"
            )
    url = f"{settings.public_url}{STATUS_PATH}"
    for old in settings.twilio_auth_token[1:]:
        if await _takes(http, settings, signed_for=url, token=old):
            return "the gateway there knows the old TWILIO_AUTH_TOKEN alone: start it again"
    return UNKNOWN


async def _takes(http: aiohttp.ClientSession, settings: Settings, **signed: Any) -> bool:
    return (await _post(http, settings, **signed)).status == 204


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


async def _post(
    http: aiohttp.ClientSession,
    settings: Settings,
    *,
    signed_for: str,
    token: SecretStr | None = None,
) -> Said:
    """Report on no message, in Twilio's name. Raises what aiohttp does when nobody answers."""
    fields = {
        "AccountSid": settings.twilio_account_sid or "",
        "MessageSid": NO_MESSAGE,
        "MessageStatus": "queued",
        "To": SOMEBODY,
        "From": f"whatsapp:{settings.twilio_whatsapp_number or SOMEBODY.partition(':')[2]}",
    }
    secret = (token or settings.twilio_auth_token[0]).get_secret_value()
    headers = {"X-Twilio-Signature": sign(signed_for, list(fields.items()), secret)}
    url = f"{settings.public_url}{STATUS_PATH}"
    async with http.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
        return await _said(answer)


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


def _near(settings: Settings) -> bool:
    """Whether the address is of this machine, while Twilio is elsewhere."""
    ours, theirs = (
        urlsplit(url or "").hostname or ""
        for url in (settings.public_url, settings.twilio_api_url or TWILIO_API)
    )
    return is_loopback(ours) and not is_loopback(theirs)


async def _said(answer: aiohttp.ClientResponse) -> Said:
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
