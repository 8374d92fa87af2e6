"""What a request from Slack is, told by its shape alone: pure, and total over all JSON.

Bolt looks into bodies without asking what is there, and breaks on what is not; nothing reaches it
that was not found sound here.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

MESSAGES = ("message", "app_mention")

_TEXT = (str, type(None))

_ENVELOPE = ("team_id", "enterprise_id", "api_app_id", "context_team_id", "event_id")
_MESSAGE = (
    *("channel", "channel_type", "client_msg_id", "subtype", "team"),
    *("text", "thread_ts", "ts", "user", "user_team"),
)
_AUTHORIZATION = ("team_id", "enterprise_id", "user_id")
_COMMAND = ("command", "team_id", "channel_id", "user_id", "trigger_id")
_COMMAND_MAY = ("text", "enterprise_id", "response_url", "is_enterprise_install")


class Kind(StrEnum):
    """What to do with a request."""

    EVENT = "event"
    COMMAND = "command"
    ACTION = "action"  # a click
    CHALLENGE = "challenge"  # Slack asks whether the address is ours
    NOTHING = "nothing"  # say that it came: nobody here listens to it


def kind_of(body: object) -> Kind | None:
    """What a body is; None if it can't be Slack's."""
    if not isinstance(body, dict):
        return None
    kind = body.get("type")
    if kind is None:
        return _untyped(body)
    if not isinstance(kind, str):
        return None
    if kind not in _SOUND:
        return Kind.NOTHING
    known, is_sound = _SOUND[kind]
    return known if is_sound(body) else None


def _untyped(body: Mapping[str, Any]) -> Kind | None:
    if body.get("ssl_check") == "1":
        return Kind.NOTHING
    given = all(isinstance(body.get(name), str) for name in _COMMAND)
    return Kind.COMMAND if given and _are_texts(body, _COMMAND_MAY) else None


def _is_event(body: Mapping[str, Any]) -> bool:
    event = body.get("event")
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return False
    if not _are_texts(body, _ENVELOPE) or not _are_authorizations(body.get("authorizations")):
        return False
    # Events of other types may call anything by the same names: a channel can be an object.
    return event["type"] not in MESSAGES or _are_texts(event, _MESSAGE)


def _are_authorizations(found: object) -> bool:
    if found is None:
        return True
    return isinstance(found, list) and all(
        isinstance(each, dict) and _are_texts(each, _AUTHORIZATION) for each in found
    )


def _is_click(body: Mapping[str, Any]) -> bool:
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or "command" in body:
        return False
    return all(
        isinstance(each, dict) and isinstance(each.get("action_id"), str) for each in actions
    )


def _are_texts(found: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether these are text or absent; null is absent."""
    look = found.get
    return all([isinstance(look(name), _TEXT) for name in names])  # noqa: C419 - half the time


_SOUND: Mapping[str, tuple[Kind, Callable[[Mapping[str, Any]], bool]]] = {
    "event_callback": (Kind.EVENT, _is_event),
    "block_actions": (Kind.ACTION, _is_click),
    "url_verification": (Kind.CHALLENGE, lambda body: isinstance(body.get("challenge"), str)),
}
