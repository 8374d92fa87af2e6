"""The methods about the app itself: who it is, its tokens, its sockets."""

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.fakes.slack.ask import Ask
from tests.fakes.slack.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack


def test(ask: Ask) -> dict[str, Any]:
    """auth.test: the scopes are in a header of the answer."""
    here = ask.workspace
    answer = {
        "url": f"https://{here.name.lower()}.slack.com/",
        "team": here.name,
        "user": "gateway",
        "team_id": here.team,
        "user_id": here.bot_user,
        "bot_id": here.bot_id,
        "is_enterprise_install": ask.grant.org_wide,
    }
    return answer | ({"enterprise_id": here.enterprise} if here.enterprise else {})


def revoke(ask: Ask) -> dict[str, Any]:
    """auth.revoke: the token that asks is good for nothing any more."""
    ask.grant.revoked = True
    return {"revoked": True}


METHODS = {"auth.test": test, "auth.revoke": revoke}


def access(fake: "FakeSlack", args: Mapping[str, Any], header: str) -> dict[str, Any]:
    """oauth.v2.access: the client's id and secret come in the header, or as fields."""
    if header.startswith("Basic "):
        client, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    else:
        client, secret = args.get("client_id", ""), args.get("client_secret", "")
    if client != fake.client_id:
        raise Refused("invalid_client_id")
    if secret != fake.client_secret:
        raise Refused("bad_client_secret")
    if args.get("grant_type") == "refresh_token":
        return fake.grants.refresh(str(args.get("refresh_token", "")))
    return fake.grants.exchange(str(args.get("code", "")), args.get("redirect_uri"))


def connect(fake: "FakeSlack", token: str | None) -> dict[str, Any]:
    """apps.connections.open: an address for one WebSocket."""
    if not token:
        raise Refused("not_authed")
    if not token.startswith("xapp-"):
        raise Refused("not_allowed_token_type")
    if token != fake.app_token:
        raise Refused("invalid_auth")
    return {"url": fake.sockets.issue()}
