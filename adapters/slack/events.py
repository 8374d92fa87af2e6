"""What somebody said, out of an Events API body: pure, and total over all JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.slack.files import attached, sent
from adapters.slack.format.inbound import words_of
from adapters.slack.places import PLATFORM, Place, address
from adapters.slack.shape import MESSAGES
from core.types import Address, Attachment

HUMAN = (None, "file_share", "thread_broadcast", "me_message")
SYSTEM = ("USLACK", "USLACKBOT")  # Slack's own notices look like people's messages

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")  # without what stands between ids in our names
_TS = re.compile(r"[0-9]{1,16}\.[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A person's message. `raw` are its words in mrkdwn; of its `sent` files it has the first ten.

    `team` is the workspace that the app is installed in; `user_team` the sender's, if it is
    told. `direct` is said to the bot alone, `mention` names it. `bot_user` is the bot itself.
    """

    team: str
    channel: str
    user: str
    ts: str
    thread_ts: str | None
    direct: bool
    mention: bool
    raw: str
    files: tuple[Attachment, ...]
    sent: int
    user_team: str | None
    enterprise: str | None = None
    bot_user: str | None = None


def heard(body: Mapping[str, Any], *, bot_user: str | None = None) -> Heard | None:
    """The message that a body brings, or None: nobody said anything.

    `bot_user` is the bot's user id, if it is known; the body itself mostly tells it. A message
    in a channel is one even if it is not for the bot: neither `direct` nor `mention`.
    """
    event = body.get("event")
    if not isinstance(event, dict) or event.get("type") not in MESSAGES:
        return None
    team, channel, user = team_of(body), id_in(event, "channel"), id_in(event, "user")
    ts, told = ts_in(event, "ts"), _own_user(body)
    bots = {bot_user, told} - {None}
    if team is None or channel is None or user is None or ts is None:
        return None
    if user in bots or user in SYSTEM or not _by_a_person(event):
        return None
    raw, enterprise = words_of(event), enterprise_of(body)
    return Heard(
        team=team,
        channel=channel,
        user=user,
        ts=ts,
        thread_ts=ts_in(event, "thread_ts"),
        direct=is_direct(channel) or event.get("channel_type") == "im",
        mention=event["type"] == "app_mention" or any(_names(raw, bot) for bot in bots),
        raw=raw,
        files=attached(event, team=team, enterprise=enterprise),
        sent=sent(event),
        user_team=_team(event.get("user_team")) or _team(event.get("team")),
        enterprise=enterprise,
        bot_user=bot_user or told,
    )


def key_of(message: Heard) -> str:
    """The message's identity: the same for its copies, and however often it is delivered."""
    return f"{PLATFORM}:{message.team}:{message.channel}:{message.ts}"


def address_of(message: Heard, *, classic: bool) -> Address:
    """Where it was said. A thread is a conversation, also in direct messages.

    With `classic` all that is said outside of threads in direct messages is one conversation.
    """
    thread_ts = message.thread_ts
    if thread_ts is None and not (classic and message.direct):
        thread_ts = message.ts
    place = Place(channel=message.channel, thread_ts=thread_ts)
    return address(message.team, place, direct=message.direct)


def team_of(body: Mapping[str, Any]) -> str | None:
    """The workspace that the app is installed in and hears this by; None if it is not told.

    In a channel that is shared with others, `team_id` may be theirs. An install for a whole
    organisation has no workspace of its own: then it is the one where it happened.
    """
    first = _authorization(body)
    own = None if first.get("is_enterprise_install") is True else id_in(first, "team_id")
    return own or _team(body.get("context_team_id")) or id_in(body, "team_id")


def enterprise_of(body: Mapping[str, Any]) -> str | None:
    """The organisation that the workspace belongs to, if it does."""
    return id_in(_authorization(body), "enterprise_id") or id_in(body, "enterprise_id")


def is_direct(channel: str) -> bool:
    """Whether a channel is somebody's direct messages with the bot."""
    return channel.startswith("D")


def id_in(found: Mapping[str, Any], name: str) -> str | None:
    """An id of Slack's under that name; None for all that can't be one."""
    value = found.get(name)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def ts_in(found: Mapping[str, Any], name: str) -> str | None:
    """A message's ts under that name; None for all that can't be one."""
    value = found.get(name)
    return value if isinstance(value, str) and _TS.fullmatch(value) else None


def _by_a_person(event: Mapping[str, Any]) -> bool:
    if event.get("subtype") not in HUMAN or event.get("hidden"):
        return False
    if event.get("bot_id") or event.get("bot_profile"):
        return False
    # People's clients number their messages; an app that speaks for somebody does not.
    return not event.get("app_id") or bool(event.get("client_msg_id"))


def _authorization(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("authorizations")
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}


def _own_user(body: Mapping[str, Any]) -> str | None:
    """The bot's user id; an authorization may also be a person's, who is not to be ignored."""
    first = _authorization(body)
    return None if first.get("is_bot") is False else id_in(first, "user_id")


def _names(raw: str, user: str | None) -> bool:
    return f"<@{user}>" in raw or f"<@{user}|" in raw


def _team(value: object) -> str | None:
    """A workspace's id: where one belongs, an organisation's may stand."""
    fits = isinstance(value, str) and value.startswith("T") and _ID.fullmatch(value)
    return str(value) if fits else None
