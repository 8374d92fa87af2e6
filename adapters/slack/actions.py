"""Clicks on the thumbs under an answer."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from adapters.slack.blocks import FEEDBACK
from adapters.slack.events import id_in
from adapters.slack.places import PLATFORM
from core import feedback
from core.database import Database
from core.errors import NotFound

_VALUE = re.compile(r"([0-9]{1,18}):(-?1)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Thumb:
    """What somebody thinks of an answer; `team` is the workspace that it was given in."""

    team: str
    message_id: int
    value: feedback.Value


def thumb(body: Mapping[str, Any]) -> Thumb | None:
    """The thumb that was clicked, if it was one; its value is `message_id:1` or `message_id:-1`."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, dict) or action.get("action_id") != FEEDBACK:
        return None
    value, team = action.get("value"), _team(body)
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if found is None or team is None:
        return None
    return Thumb(team=team, message_id=int(found[1]), value=1 if found[2] == "1" else -1)


async def rate(database: Database, clicked: Thumb, *, now: int) -> None:
    """Remember it; nothing happens when there is no such answer. Raises `DatabaseDown`."""
    with suppress(NotFound):
        await database.write(
            feedback.rate,
            PLATFORM,
            clicked.team,
            clicked.message_id,
            value=clicked.value,
            comment=None,
            now=now,
        )


def _team(body: Mapping[str, Any]) -> str | None:
    """The workspace; in an organisation's install only the user may have one."""
    for name, key in (("team", "id"), ("user", "team_id")):
        found = body.get(name)
        if isinstance(found, dict) and (team := id_in(found, key)) is not None:
            return team
    return None
