"""Slash commands: `/ai question`, and what is said to the gateway itself by them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.slack.directory import Directory
from adapters.slack.events import id_in
from adapters.slack.format.mrkdwn import mrkdwn
from adapters.slack.manifest import COMMAND
from adapters.slack.places import PLATFORM, Place, address
from adapters.slack.words import text_of
from core import commands
from core.changes import Changes
from core.commands import Command
from core.conversation import ConversationHandler
from core.ports import Clock
from core.text import clean
from core.types import Address, InboundEvent, Sender
from core.wording import words_in

WORKING = "Working on it …"
LATER = "I could not take that, please send it again."
NOT_INSTALLED = "This app is not installed here any more. An admin can install it again."
BROKEN = "Slack sent that in a way that I don't understand. Please send it again."

QUESTION = 150  # characters of it that its answer can quote

_COMMAND = re.compile(r"/[\w.-]{1,32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A slash command. `name` is what people call it here, `raw` what was said after it."""

    team: str
    enterprise: str | None
    channel: str
    user: str
    name: str
    raw: str
    trigger: str
    response_url: str


def asked(body: Mapping[str, Any]) -> Asked | None:
    """The command that a form is; None for what can't be one."""
    team, channel, user = (id_in(body, name) for name in ("team_id", "channel_id", "user_id"))
    trigger, raw, url = id_in(body, "trigger_id"), body.get("text"), body.get("response_url")
    if team is None or channel is None or user is None or trigger is None:
        return None
    name = body.get("command")
    return Asked(
        team=team,
        enterprise=id_in(body, "enterprise_id"),
        channel=channel,
        user=user,
        name=name if isinstance(name, str) and _COMMAND.fullmatch(name) else COMMAND,
        raw=raw.strip() if isinstance(raw, str) else "",
        trigger=trigger,
        response_url=clean(url) if isinstance(url, str) else "",
    )


def ephemeral(text: str) -> dict[str, Any]:
    """What the sender of a command alone is told, in mrkdwn."""
    return {"response_type": "ephemeral", "text": text}


class SlashCommands:
    """Takes slash commands, whatever people call them."""

    def __init__(
        self,
        *,
        handler: ConversationHandler,
        changes: Changes,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._handler = handler
        self._changes = changes
        self._directory = directory
        self._clock = clock

    async def answer(self, body: Mapping[str, Any], *, bot_user: str | None) -> dict[str, Any]:
        """Take a command, and return what its sender is shown at once. Raises `Transient`.

        Its answer comes by the command's `response_url`.
        """
        found = asked(body)
        if found is None:
            return ephemeral(BROKEN)
        command = commands.parse(found.raw, ("",)) if found.raw else Command(name=commands.HELP)
        locale = self._directory.locale(found.team, found.user, enterprise=found.enterprise)
        if command is not None and command.name == commands.HELP:
            return ephemeral(mrkdwn(_help(command, found.name, locale)))
        place = Place(channel=found.channel, user=found.user)
        where = address(found.team, place, direct=True)
        if command is not None and command.name == commands.STOP:
            said, stopped = words_in(locale), await self._changes.stop(where)
            return ephemeral(said.stopped if stopped else said.nothing_runs)
        event = await self._event(found, where, command, bot_user)
        await self._handler.accept(replace(event, language=locale))
        return ephemeral(WORKING)

    async def _event(
        self, found: Asked, where: Address, command: Command | None, bot_user: str | None
    ) -> InboundEvent:
        at = int(self._clock.now() * 1000)
        text = await text_of(
            found.raw,
            files=0,  # a command has none
            directory=self._directory,
            team=found.team,
            enterprise=found.enterprise,
            bot_user=bot_user,
        )
        origin = {
            "kind": "command",
            "user": found.user,
            "team": found.team,
            "channel": found.channel,
            "response_url": found.response_url,
            "at": at,
            "question": text[:QUESTION],
        }
        return InboundEvent(
            address=where,
            text=text,
            message_key=f"{PLATFORM}:{found.team}:trigger:{found.trigger}",
            command=command.name if command else None,
            argument=command.argument if command else "",
            origin=origin | ({"enterprise": found.enterprise} if found.enterprise else {}),
            sender=Sender(external_id=found.user),
        )


def _help(command: Command, name: str, locale: str | None) -> str:
    """What commands there are, or what one does, as people call the slash command here."""
    if command.argument:
        return commands.usage_of(command.argument, locale, prefix=f"{name} ")
    return commands.usage(locale, prefix=f"{name} ")
