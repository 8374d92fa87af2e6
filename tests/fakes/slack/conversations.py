"""The methods that read: threads, histories, people."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack.ask import Ask, flag, number
from tests.fakes.slack.clock import micros, stamp
from tests.fakes.slack.events import told
from tests.fakes.slack.grants import need_scope
from tests.fakes.slack.message import Channel, Message
from tests.fakes.slack.refused import Refused

HISTORY_SCOPES = {
    "im": "im:history",
    "mpim": "mpim:history",
    "group": "groups:history",
    "channel": "channels:history",
}
PAGE = 1_000  # messages at most


def replies(ask: Ask) -> dict[str, Any]:
    """conversations.replies: the root first, whatever `oldest` is, then its replies."""
    channel = _readable(ask)
    root = channel.messages.get(ask.need("ts", "thread_not_found"))
    if root is None or root.is_reply:
        raise Refused("thread_not_found")
    thread = _between(channel.shown(root.ts), ask.args)
    page, more = _page(thread, ask.args, default=PAGE)
    first = [] if root.deleted or ask.args.get("cursor") else [root]
    messages = [_read(ask, each, channel) for each in (*first, *page)]
    return {"messages": messages, "has_more": bool(more), "response_metadata": _next(more)}


def history(ask: Ask) -> dict[str, Any]:
    """conversations.history: newest first, without the replies of threads."""
    channel = _readable(ask)
    roots = [each for each in channel.shown() if not each.is_reply or _broadcast(each)]
    found = _between(roots, ask.args)[::-1]
    page, more = _page(found, ask.args, default=100)
    messages = [_read(ask, each, channel) for each in page]
    return {"messages": messages, "has_more": bool(more), "response_metadata": _next(more)}


def _readable(ask: Ask) -> Channel:
    channel = ask.channel()
    need_scope(ask.grant, HISTORY_SCOPES[channel.kind])
    return channel


def _broadcast(message: Message) -> bool:
    return flag(message.raw, "reply_broadcast") or message.raw.get("subtype") == "thread_broadcast"


def _between(messages: Sequence[Message], args: Mapping[str, Any]) -> list[Message]:
    """Those after `oldest` and before `latest`, or at them if `inclusive`."""
    at = int(flag(args, "inclusive"))
    oldest = _bound(args, "oldest", 0) - at
    latest = _bound(args, "latest", 1 << 62) + at
    return [each for each in messages if oldest < micros(each.ts) < latest]


def _bound(args: Mapping[str, Any], name: str, default: int) -> int:
    if args.get(name) in (None, ""):
        return default
    try:
        return micros(str(args[name]))
    except ValueError:
        raise Refused(f"invalid_ts_{name}") from None


def _page(
    messages: Sequence[Message], args: Mapping[str, Any], *, default: int
) -> tuple[Sequence[Message], str]:
    """The messages from the cursor on, and the cursor of what is left, or ""."""
    limit = number(args, "limit", default)
    if not 1 <= limit <= PAGE:
        raise Refused("invalid_limit")
    since = 0
    if cursor := args.get("cursor"):
        since = next((at for at, each in enumerate(messages) if each.ts == _ts(cursor)), -1)
        if since < 0:
            raise Refused("invalid_cursor")
    rest = messages[since + limit :]
    return messages[since : since + limit], _cursor(rest[0].ts) if rest else ""


def _cursor(ts: str) -> str:
    return b64encode(f"next_ts:{micros(ts)}".encode()).decode()


def _ts(cursor: str) -> str:
    try:
        return stamp(int(b64decode(cursor).decode().removeprefix("next_ts:")))
    except ValueError:
        raise Refused("invalid_cursor") from None


def _next(cursor: str) -> dict[str, str]:
    return {"next_cursor": cursor}


def _read(ask: Ask, message: Message, channel: Channel) -> dict[str, Any]:
    tells = told(ask.workspace, message)
    del tells["channel"]
    if message.metadata and flag(ask.args, "include_all_metadata"):
        tells["metadata"] = message.metadata
    if answers := channel.shown(message.ts) if message.ts in channel.threads else None:
        counts = {"reply_count": len(answers), "latest_reply": answers[-1].ts}
        tells |= {"thread_ts": message.ts, **counts}
    return tells


def open_(ask: Ask) -> dict[str, Any]:
    """conversations.open: with one user, or again by the channel's id."""
    if ask.args.get("channel"):
        return {"channel": {"id": ask.channel().id}, "already_open": True}
    users = ask.need("users", "users_list_not_supplied").split(",")
    if len(users) > 1:
        id_ = ask.workspace.channel("mpdm-" + "-".join(users), kind="mpim")
    elif users[0][0] in "UW":
        id_ = ask.workspace.im(users[0])
    else:
        raise Refused("user_not_found")
    return {"channel": {"id": id_}}


def user(ask: Ask) -> dict[str, Any]:
    """users.info."""
    id_ = ask.need("user", "user_not_found")
    if id_[0] not in "UW" or id_ in ask.workspace.strangers:
        raise Refused("user_not_found")
    name = ask.workspace.users.get(id_, id_)
    profile = {"display_name": name, "real_name": name}
    about = {"id": id_, "team_id": ask.workspace.team, "name": name.lower(), "real_name": name}
    if ask.args.get("include_locale") in {True, "true", "1"}:
        about["locale"] = ask.workspace.locales.get(id_, "en-US")
    bot = id_ == ask.workspace.bot_user
    return {"user": {**about, "deleted": False, "is_bot": bot, "tz": "UTC", "profile": profile}}


METHODS = {
    "conversations.replies": replies,
    "conversations.history": history,
    "conversations.open": open_,
    "users.info": user,
}
