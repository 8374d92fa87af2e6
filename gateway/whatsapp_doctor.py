"""What the doctor looks at of WhatsApp: the account at Twilio, and whether its signatures fit."""

from collections.abc import AsyncIterator

import aiohttp
from pydantic import SecretStr

from core.errors import Transient
from gateway.config import Settings
from gateway.findings import Finding
from gateway.whatsapp_webhook_doctor import TWILIO_API, Said, said_by, webhooks

PATIENCE = aiohttp.ClientTimeout(total=5)

SUSPENDED = 20005  # Twilio's code for an account that is not active
COPY = "copy it anew from the account's page in Twilio's console"
LATER = "Twilio was asked too often: look again in a minute"


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
        async for finding in webhooks(http, settings):
            yield finding


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
            return await said_by(answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Transient(type(error).__name__) from error
