"""The response_urls of commands and clicks: five uses in half an hour."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.fakes.slack.content import content
from tests.fakes.slack.message import Ephemeral, Message
from tests.fakes.slack.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack
    from tests.fakes.slack.workspace import Workspace

USES = 5
LIFETIME = 1_800.0


@dataclass(kw_only=True, slots=True, eq=False)
class ResponseUrl:
    """One URL. `last` is what it produced last, or the message that was clicked on."""

    workspace: "Workspace"
    channel: str
    user: str
    issued: float
    uses: int = 0
    last: Ephemeral | Message | None = None


class Responses:
    """All response_urls, by their path."""

    def __init__(self, fake: "FakeSlack") -> None:
        self._fake = fake
        self._urls: dict[str, ResponseUrl] = {}

    def issue(
        self, workspace: "Workspace", channel: str, user: str, message: Message | None = None
    ) -> str:
        """A new URL; `message`: what replace_original would replace."""
        path = f"/response/{workspace.team}/{self._fake.number('')}"
        now = self._fake.clock.now()
        self._urls[path] = ResponseUrl(
            workspace=workspace, channel=channel, user=user, issued=now, last=message
        )
        return self._fake.host + path

    def find(self, url: str) -> ResponseUrl | None:
        return self._urls.get(urlsplit(url).path)

    def acknowledge(self, url: str, body: bytes | dict[str, Any] | None) -> None:
        """Show what the app answered to the command itself, which is no use of its URL."""
        found = self.find(url)
        said = _ack(body) if isinstance(body, bytes) else body
        if found is not None and said and (said.get("text") or said.get("blocks")):
            self._show(found, said, "ack")

    def use(self, found: ResponseUrl, body: bytes) -> tuple[int, str]:
        """POST to a URL: status and body of the answer."""
        if self._fake.clock.now() - found.issued >= LIFETIME:
            return 404, "expired_url"
        if found.uses >= USES:
            return 404, "used_url"
        found.uses += 1
        try:
            return self._use(found, json.loads(body))
        except ValueError:
            return 400, "invalid_payload"
        except Refused as refused:
            return 400, refused.error

    def _use(self, found: ResponseUrl, said: Any) -> tuple[int, str]:
        if not isinstance(said, dict):
            return 400, "invalid_payload"
        if said.get("delete_original"):
            self._delete(found)
            return 200, "ok"
        self._show(found, said, "response_url")
        return 200, "ok"

    def _show(self, found: ResponseUrl, said: dict[str, Any], via: str) -> None:
        fields = {name: said[name] for name in ("text", "blocks") if said.get(name)}
        shown = content(fields, feedback=self._fake.feedback_blocks)
        if said.get("replace_original") and found.last is not None:
            _replace(found.last, shown.text, shown.blocks)
            return
        workspace = found.workspace
        if said.get("response_type") == "in_channel":
            found.last = workspace.post(found.channel, workspace.bot_user, bot=True, raw=said)
        else:
            ts = self._fake.tick()
            found.last = Ephemeral(channel=found.channel, user=found.user, text="", via=via, ts=ts)
            workspace.ephemerals.append(found.last)
        found.last.show(shown.text, shown.blocks)

    def _delete(self, found: ResponseUrl) -> None:
        last, found.last = found.last, None
        if isinstance(last, Message):
            last.deleted = True
        elif last in found.workspace.ephemerals:
            found.workspace.ephemerals.remove(last)


def _replace(last: Ephemeral | Message, text: str, blocks: list[dict[str, Any]] | None) -> None:
    if isinstance(last, Message):
        last.edited = True
    else:
        last.was.append(last.text)
    last.show(text, blocks)


def _ack(body: bytes) -> dict[str, Any]:
    """An answer's JSON, or its plain text as one."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {"text": body.decode()}
