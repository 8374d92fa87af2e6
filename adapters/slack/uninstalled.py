"""Slack says that the app was removed, or that its token was taken back."""

from collections.abc import Mapping
from typing import Any

from adapters.slack.installations import Installed

SKEW = 5.0  # seconds that Slack's clock and ours may differ


async def uninstalled(installed: Installed, body: Mapping[str, Any]) -> bool:
    """Forget the install that an event is about, with its tokens; True if there was one.

    `body` is the whole of an event's delivery, whose event is `app_uninstalled` or
    `tokens_revoked`; of the latter only those that name a bot count. An install that is newer
    than the event stays: events may come late. Raises `DatabaseDown`: let Slack send it again.
    """
    event = _mapping(body.get("event"))
    if not _ends_it(event):
        return False
    known = body.get("authorizations")
    said = _mapping(known[0]) if isinstance(known, list) and known else body
    team = _words(body.get("team_id")) or _words(said.get("team_id"))
    enterprise = _words(body.get("enterprise_id")) or _words(said.get("enterprise_id"))
    org_wide = said.get("is_enterprise_install") in (True, "true") or team is None
    return await installed.revoke(
        enterprise=enterprise,
        team=team,
        org_wide=org_wide,
        app=_words(body.get("api_app_id")) or "",
        before=_moment(body.get("event_time")),
    )


def _ends_it(event: Mapping[str, Any]) -> bool:
    match event.get("type"):
        case "app_uninstalled":
            return True
        case "tokens_revoked":
            return bool(_mapping(event.get("tokens")).get("bot"))
        case _:
            return False


def _moment(said: Any) -> int | None:
    """The end of the second that Slack names, in milliseconds, and a little more."""
    if type(said) is not int or not 0 < said < 10**11:
        return None
    return int((said + 1 + SKEW) * 1000)


def _mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}


def _words(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None
