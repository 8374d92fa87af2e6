"""A whole gateway between a fake Slack and a fake of Anthropic's API, over real HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from core.clock import SystemClock
from core.tables import messages
from tests.fakes.slack import Answered, FakeSlack, Message, Workspace, send
from tests.journeys.house import House, serving, until

SECRET = "0123456789abcdef0123456789abcdef"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass(kw_only=True)
class SlackHouse:
    """A gateway that runs, and the Slack that it is connected to."""

    house: House
    slack: FakeSlack

    @property
    def acme(self) -> Workspace:
        return self.slack.workspaces["T1"]

    async def tell(
        self, event: Mapping[str, Any], workspace: Workspace | None = None, **options: Any
    ) -> Answered:
        """Send an event, a command or a click as Slack does."""
        workspace = workspace or self.acme
        body = workspace.envelope(event) if "type" in event and "actions" not in event else event
        url = f"http://127.0.0.1:{self.house.port}"
        return await send(self.house.http, url, body, SECRET, workspace=workspace, **options)

    async def hear(
        self, text: str, *, workspace: Workspace | None = None, user: str = "U1", **more: Any
    ) -> dict[str, Any]:
        """A direct message, which the gateway takes."""
        workspace = workspace or self.acme
        said = workspace.say(workspace.im(user), user, text, **more)
        told = await self.tell(workspace.message_event(said), workspace)
        assert told.status == 200, told
        return said

    async def answers(
        self, said: Mapping[str, Any], workspace: Workspace | None = None
    ) -> list[str]:
        """What the bot shows in a message's thread once no turn runs."""
        await self.house.idle()
        return self.shown(said, workspace)

    def shown(self, said: Mapping[str, Any], workspace: Workspace | None = None) -> list[str]:
        return [each.text for each in self.thread(said, workspace)]

    def thread(self, said: Mapping[str, Any], workspace: Workspace | None = None) -> list[Message]:
        root = said.get("thread_ts") or said["ts"]
        return (workspace or self.acme).bot_messages(said["channel"], root)

    async def stored(self) -> int:
        """How many messages are stored."""
        count = select(func.count()).select_from(messages)
        return int(
            await self.house.gateway.database.read(lambda db: db.execute(count).scalar_one())
        )

    async def until(self, holds: Any) -> None:
        await until(holds)


@asynccontextmanager
async def slack_house(url: str, **changes: Any) -> AsyncIterator[SlackHouse]:
    """A gateway of one workspace over HTTP, unless the settings say otherwise."""
    async with FakeSlack(clock=SystemClock()) as slack:
        told = {
            "slack_bot_token": slack.workspace().token,
            "slack_signing_secret": (SECRET,),
            "slack_api_url": slack.url,
        }
        told = {name: value for name, value in (told | changes).items() if value is not None}
        async with serving(url, **told) as house:
            yield SlackHouse(house=house, slack=slack)
