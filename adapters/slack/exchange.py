"""Slack's `oauth.v2.access`: a code, or a refresh token, for the tokens of an install."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Unsure, named
from adapters.slack.installations import Installation, Tokens

METHOD = "oauth.v2.access"
PATIENCE = 15.0  # seconds for one call
LONGEST_NAME = 200  # characters, of a workspace's name
LONGEST_LIFE = 10 * 365 * 86_400  # seconds, of a token that ends

_ID = re.compile(r"[A-Z0-9]{2,64}")
_TOKEN = re.compile(r"[!-~]{8,4096}")
_SCOPE = re.compile(r"[a-z0-9_.:-]{1,100}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What Slack knows the app by."""

    client_id: str
    client_secret: str = field(repr=False)


async def exchange(
    client: AsyncWebClient, credentials: Credentials, **given: str
) -> Mapping[str, Any]:
    """Slack's answer for what is `given`.

    Raises `calls.Refused`, `Unreachable`, `Unsure` or `RateLimited`; none repeats what was given.
    """
    # The SDK's own method builds the header in a way that aiohttp warns of; and in the body the
    # secret would stand in debug logs.
    basic = aiohttp.encode_basic_auth(credentials.client_id, credentials.client_secret)
    return await _ask(client, METHOD, given, basic)


async def bot_id(client: AsyncWebClient, token: str) -> str | None:
    """The id under which the bot's messages come back; raises as `exchange` does."""
    said = await _ask(client, "auth.test", {}, f"Bearer {token}")
    return _id(said.get("bot_id"))


def granted(said: Mapping[str, Any], *, now: float) -> tuple[Installation, Tokens]:
    """The install that Slack's answer to a code tells of; `now` is when it was asked.

    Raises `Unsure` for what is no such answer.
    """
    org_wide = said.get("is_enterprise_install") is True
    team = None if org_wide else _id(_part(said, "team").get("id"))
    enterprise = _id(_part(said, "enterprise").get("id"))
    app = _id(said.get("app_id"))
    if app is None or (team is None and not (org_wide and enterprise is not None)):
        raise Unsure("oauth.v2.access named no app or no workspace")
    tokens = tokens_in(said, now=now)
    installation = Installation(
        app=app,
        enterprise=enterprise,
        team=team,
        token=tokens.access,
        bot_user=_id(said.get("bot_user_id")),
        scopes=_scopes(said.get("scope")),
        name=_name(_part(said, "enterprise" if org_wide else "team").get("name")),
    )
    return installation, tokens


def tokens_in(said: Mapping[str, Any], *, now: float) -> Tokens:
    """The bot's tokens in an answer. Raises `Unsure` if there are none."""
    access = _token(said.get("access_token"))
    if access is None:
        raise Unsure("oauth.v2.access gave no token of a bot")
    refresh, seconds = said.get("refresh_token"), said.get("expires_in")
    if refresh is None or seconds is None:
        return Tokens(access=access)
    if _token(refresh) is None or type(seconds) is not int or not 0 < seconds <= LONGEST_LIFE:
        raise Unsure("oauth.v2.access gave a token that can't be renewed")
    return Tokens(access=access, refresh=refresh, expires_at=int((now + seconds) * 1000))


async def _ask(
    client: AsyncWebClient, method: str, given: Mapping[str, str], authorization: str
) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE):
            response = await client.api_call(
                method, data=dict(given), headers={"Authorization": authorization}
            )
    except RecursionError:  # brackets without end where JSON belongs
        raise Unsure("RecursionError") from None
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises becomes one of ours
        raise named(error) from None  # the SDK's own error quotes the request
    return response.data if isinstance(response.data, dict) else {}


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = said.get(name)
    return part if isinstance(part, dict) else {}


def _token(said: Any) -> str | None:
    return said if isinstance(said, str) and _TOKEN.fullmatch(said) else None


def _id(said: Any) -> str | None:
    return said if isinstance(said, str) and _ID.fullmatch(said) else None


def _scopes(said: Any) -> tuple[str, ...]:
    words = said.split(",") if isinstance(said, str) else []
    return tuple(word for word in words if _SCOPE.fullmatch(word))


def _name(said: Any) -> str:
    words = said if isinstance(said, str) else ""
    return "".join(sign for sign in words if sign.isprintable())[:LONGEST_NAME]
