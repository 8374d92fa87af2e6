"""What the doctor looks at of Slack: the tokens, the way events take, the workspaces."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.manifest import EVENTS_PATH, INSTALL_PATH, SCOPES
from core.errors import Transient
from gateway.checks import is_loopback
from gateway.config import Settings
from gateway.findings import Finding
from gateway.slack_asks import PATIENCE, Said, ask, shake_hands
from gateway.slack_installs_doctor import workspaces

REAL_SECRET = re.compile(r"[0-9a-f]{32}")
VITAL = "chat:write"  # without it nothing is answered at all

UNKNOWN = "Slack does not know it: copy it anew from the app's page, OAuth & Permissions"
GENERATE = "generate one with the scope connections:write, in the app's Basic Information"
BUSY = frozenset({"ratelimited", "rate_limited"})
LATER = "Slack was asked too often: look again in a minute"
BOT_REFUSED = {
    "invalid_auth": UNKNOWN,
    "not_authed": UNKNOWN,
    "account_inactive": "the app was removed from its workspace: install it again, and set the new"
    " token",
    "token_revoked": "it was revoked: install the app again, and set the new token",
    "token_expired": "it has expired, as tokens do where token rotation is on: make another app,"
    " from what `gateway slack manifest` prints",
}
APP_REFUSED = {
    "invalid_auth": f"Slack does not know it: {GENERATE}",
    "not_authed": f"Slack does not know it: {GENERATE}",
    "missing_scope": f"it lacks its scope: {GENERATE}",
}
UNANSWERED = {
    0: "what answers there is not this gateway: check the address, and its path",
    401: "the gateway there has another SLACK_SIGNING_SECRET (or its clock is five minutes off):"
    " set the same one, and start it again",
    404: "no Slack there: check the path of the address, and start the gateway again with Slack's"
    " settings",
}
ASLEEP = frozenset({502, 503, 504})
START = "start the gateway and look again; if it runs, check that the way leads to it"


async def slack(settings: Settings, *, stored: bool) -> AsyncIterator[Finding]:
    """How the gateway is connected with Slack; nothing where it is not to be.

    `stored` says whether there is a database to look for the workspaces in.
    """
    if not settings.slack_on:
        return
    async with aiohttp.ClientSession(timeout=PATIENCE) as http:
        async for finding in _tokens(http, settings):
            yield finding
        for finding in _signing_secrets(settings):
            yield finding
        if not settings.slack_socket:
            yield await _events(http, settings)
    if settings.slack_installs and stored:
        yield await workspaces(settings)


async def _tokens(http: aiohttp.ClientSession, settings: Settings) -> AsyncIterator[Finding]:
    """What Slack says of each. Where it can't be reached, that is said once."""
    try:
        if settings.slack_bot_token is not None:
            token = settings.slack_bot_token.get_secret_value()
            for finding in _bot(await ask(http, f"{settings.slack_api_url}auth.test", token=token)):
                yield finding
        if settings.slack_installs:
            yield await _client(http, settings)
        if settings.slack_app_token is not None:
            token = settings.slack_app_token.get_secret_value()
            url = f"{settings.slack_api_url}apps.connections.open"
            yield _socket(await ask(http, url, token=token))
    except Transient as error:
        words = (
            f"Slack can't be asked ({error}): check the way there, and SLACK_API_URL if it is set"
        )
        yield Finding("SLACK_API_URL", "fail", words)


def _bot(said: Said) -> Iterator[Finding]:
    what = "SLACK_BOT_TOKEN"
    if said.error:
        otherwise = "Slack refuses it: install the app again, and set the new token"
        yield _refused(what, said.error, BOT_REFUSED, otherwise)
        return
    bot, workspace = said.word("user"), said.word("team")
    yield Finding(what, "ok", f"@{bot} in {workspace} ({said.word('team_id')})")
    lacking = [] if said.scopes is None else [each for each in SCOPES if each not in said.scopes]
    if lacking:
        words = f"lacks {', '.join(lacking)}: add that under OAuth & Permissions, and install the"
        words += " app again"
        yield Finding("Slack's scopes", "fail" if VITAL in lacking else "warn", words)
    elif said.scopes is not None:
        yield Finding("Slack's scopes", "ok", "all that are used")


async def _client(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """Offer a code that nobody was given: who is refused for the code alone is known to Slack."""
    secret = settings.slack_client_secret
    form = {
        "client_id": settings.slack_client_id or "",
        "client_secret": secret.get_secret_value() if secret else "",
        "code": "none",
    }
    said = await ask(http, f"{settings.slack_api_url}oauth.v2.access", form=form)
    where = "as the app's Basic Information shows it"
    if said.error == "invalid_client_id":
        return Finding("SLACK_CLIENT_ID", "fail", f"Slack does not know it: set it {where}")
    if said.error == "bad_client_secret":
        return Finding("SLACK_CLIENT_SECRET", "fail", f"Slack refuses it: set it {where}")
    page = f"{settings.public_url}{INSTALL_PATH}"
    return Finding("SLACK_CLIENT_ID", "ok", f"workspaces install the app at {page}")


def _socket(said: Said) -> Finding:
    what = "SLACK_APP_TOKEN"
    if said.error:
        otherwise = f"Slack refuses it: see that Socket Mode is on, or {GENERATE}"
        return _refused(what, said.error, APP_REFUSED, otherwise)
    return Finding(what, "ok", "Slack opens a connection for Socket Mode")


def _refused(what: str, error: str, known: Mapping[str, str], otherwise: str) -> Finding:
    if error in BUSY:
        return Finding(what, "warn", LATER)
    return Finding(what, "fail", f"{known.get(error, otherwise)} ({error})")


def _signing_secrets(settings: Settings) -> Iterator[Finding]:
    what, found = "SLACK_SIGNING_SECRET", settings.slack_signing_secret
    if not found:
        return
    if not all(REAL_SECRET.fullmatch(secret.get_secret_value()) for secret in found):
        words = "is not 32 digits and letters a to f, as Slack's are: copy the Signing Secret anew"
        yield Finding(what, "warn", f"{words} from the app's Basic Information")
    elif settings.slack_socket:
        yield Finding(what, "ok", "is set; Socket Mode does without")
    else:
        yield Finding(what, "ok", "1 secret" if len(found) == 1 else "the new one and the old")


async def _events(http: aiohttp.ClientSession, settings: Settings) -> Finding:
    """Whether what Slack sends to verify the address is answered there, by a gateway as this."""
    what = "PUBLIC_URL"
    if settings.public_url is None:
        words = "not set, so whether Slack's events arrive can't be looked at: set the https://"
        return Finding(what, "warn", f"{words} address that Slack sends them to")
    url = settings.public_url + EVENTS_PATH
    secret = settings.slack_signing_secret[0].get_secret_value()
    try:
        status = await shake_hands(
            http, url, secret=secret, challenge=secrets.token_hex(16), now=time.time()
        )
    except aiohttp.ClientConnectorDNSError:
        return Finding(what, "fail", f"{url}: no server has that name")
    except aiohttp.ClientSSLError as error:
        words = f"its certificate is not good ({type(error).__name__}), and Slack looks at it"
        return Finding(what, "fail", f"{url}: {words}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding(what, "warn", f"{url} can't be reached ({type(error).__name__}): {START}")
    return _answered(url, status, near=_near(settings))


def _answered(url: str, status: int, *, near: bool) -> Finding:
    what = "PUBLIC_URL"
    if status == 200 and not near:
        return Finding(what, "ok", f"{url} answers as Slack expects: it is the Request URL")
    if status == 200:
        words = f"{url} answers, but only on this machine: Slack needs an address of the world's,"
        return Finding(what, "warn", f"{words} or Socket Mode")
    if status in ASLEEP:
        return Finding(what, "warn", f"{url} has no gateway behind it (HTTP {status}): {START}")
    if 300 <= status < 400:
        words = "leads elsewhere, where Slack does not follow: set the address that answers itself"
        return Finding(what, "fail", f"{url} {words} (HTTP {status})")
    words = UNANSWERED.get(status, "it refuses what Slack sends: check the proxy in between")
    return Finding(what, "fail", f"{url}: {words}" + (f" (HTTP {status})" if status else ""))


def _near(settings: Settings) -> bool:
    """Whether the address is of this machine, while Slack is elsewhere."""
    ours, theirs = (
        urlsplit(url or "").hostname or "" for url in (settings.public_url, settings.slack_api_url)
    )
    return is_loopback(ours) and not is_loopback(theirs)
