"""What Slack tells becomes messages and stops: stored once this returns."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from adapters.slack import actions
from adapters.slack.directory import Calls, Directory
from adapters.slack.events import (
    Heard,
    address_of,
    enterprise_of,
    heard,
    id_in,
    is_direct,
    key_of,
    team_of,
    ts_in,
)
from adapters.slack.installations import Installation
from adapters.slack.manifest import PROMPTS
from adapters.slack.places import Place, address
from adapters.slack.slash import NOT_INSTALLED, SlashCommands, ephemeral
from adapters.slack.words import text_of
from core import commands, transcript
from core.changes import Changes
from core.conversation import ConversationHandler
from core.database import Database
from core.errors import GatewayError
from core.ports import Clock
from core.telling import NOTHING
from core.types import Address, InboundEvent, Sender

Body = Mapping[str, Any]

COMMANDS = ("!",)  # Slack takes what begins with a slash for its own
PROMPTING = 100  # calls under way at most; whoever opens the app then sees no suggestions


class Listeners:
    """Hears events, commands and clicks, of all workspaces.

    `on_uninstalled` is given the body of each `app_uninstalled` and `tokens_revoked`. With
    `classic` direct messages outside of threads are one conversation, else each begins one.
    All of it raises `Transient` when it could not be stored: Slack is to send it again.
    """

    def __init__(  # noqa: PLR0913 - here all that Slack says is shared out
        self,
        *,
        handler: ConversationHandler,
        changes: Changes,
        database: Database,
        clock: Clock,
        web: Calls,
        classic: bool,
        on_uninstalled: Callable[[Body], Awaitable[object]],
    ) -> None:
        self._handler = handler
        self._changes = changes
        self._database = database
        self._clock = clock
        self._web = web
        self._classic = classic
        self._on_uninstalled = on_uninstalled
        self._directory = Directory(web, clock)
        self._slash = SlashCommands(
            handler=handler, changes=changes, directory=self._directory, clock=clock
        )
        self._prompting: set[asyncio.Task[None]] = set()

    async def event(self, body: Body, installation: Installation | None) -> None:
        """An event; without an installation only the app's removal counts."""
        match body["event"]["type"]:
            case "app_uninstalled" | "tokens_revoked":
                await self._on_uninstalled(body)
            case _ if installation is None:
                return
            case "message" | "app_mention":
                await self._message(body, installation)
            case "agent_session_stopped":
                await self._stop_pressed(body)
            case "app_home_opened":
                self._opened(body)

    async def command(self, body: Body, installation: Installation | None) -> dict[str, Any]:
        """A slash command; returns what its sender is shown at once."""
        if installation is None:
            return ephemeral(NOT_INSTALLED)
        return await self._slash.answer(body, bot_user=installation.bot_user)

    async def action(self, body: Body, installation: Installation | None) -> None:
        """A click."""
        clicked = actions.thumb(body)
        if clicked is not None and installation is not None:
            await actions.rate(self._database, clicked, now=int(self._clock.now() * 1000))

    async def stop(self) -> None:
        """Drop what is under way beside the answers to Slack."""
        tasks = list(self._prompting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._directory.stop()

    async def _message(self, body: Body, installation: Installation) -> None:
        said = heard(body, bot_user=installation.bot_user)
        if said is None:
            return
        where = address_of(said, classic=self._classic)
        if not (said.direct or said.mention or await self._is_ours(said, where)):
            return
        text = await text_of(
            said.raw,
            files=said.sent,
            directory=self._directory,
            team=said.team,
            enterprise=said.enterprise,
            bot_user=said.bot_user,
        )
        command = commands.parse(text, COMMANDS)
        if command is not None and command.name == commands.STOP:
            if await self._changes.stop(where):
                return
            command = replace(command, argument=NOTHING)
        await self._handler.accept(
            InboundEvent(
                address=where,
                text=text,
                message_key=key_of(said),
                command=command.name if command else None,
                argument=command.argument if command else "",
                language=self._directory.locale(said.team, said.user, enterprise=said.enterprise),
                origin=_origin(said),
                sender=Sender(external_id=said.user),
                files=said.files,
            )
        )

    async def _is_ours(self, said: Heard, where: Address) -> bool:
        """Whether it was said in a thread that the bot was asked something in."""
        if said.thread_ts is None:
            return False
        return await self._database.read(transcript.find_session, where) is not None

    async def _stop_pressed(self, body: Body) -> None:
        event, team = body["event"], team_of(body)
        channel, thread_ts = id_in(event, "channel"), ts_in(event, "thread_ts")
        if team is None or channel is None:
            return
        direct = is_direct(channel)
        place = Place(channel=channel, thread_ts=thread_ts)
        stopped = await self._changes.stop(address(team, place, direct=direct))
        if not stopped and self._classic and direct:
            await self._changes.stop(address(team, Place(channel=channel), direct=direct))

    def _opened(self, body: Body) -> None:
        event, team = body["event"], team_of(body)
        channel = id_in(event, "channel")
        if event.get("tab") != "messages" or team is None or channel is None:
            return
        if len(self._prompting) < PROMPTING:
            task = asyncio.create_task(self._prompt(team, channel, enterprise_of(body)))
            self._prompting.add(task)  # the loop itself would let it be collected
            task.add_done_callback(self._prompting.discard)

    async def _prompt(self, team: str, channel: str, enterprise: str | None) -> None:
        prompts = [{"title": title, "message": message} for title, message in PROMPTS]
        with suppress(GatewayError):  # they are a courtesy
            await self._web.call(
                team,
                "assistant.threads.setSuggestedPrompts",
                enterprise=enterprise,
                channel_id=channel,
                prompts=prompts,
            )


def _origin(said: Heard) -> dict[str, Any]:
    """What a reply to the message needs."""
    team = said.user_team or said.team
    origin = {"kind": "message", "user": said.user, "team": team, "ts": said.ts}
    return origin | ({"enterprise": said.enterprise} if said.enterprise else {})
