"""The answer to a slash command: for its sender alone, and the rest of a long one in a DM's thread.

A command's `response_url` takes five messages in 30 minutes. One of ours takes the place of the
one before, so that repeating it shows it once.
"""

from contextlib import suppress
from typing import Any, Protocol

import msgspec

from adapters.slack.calls import Refused, WebApi
from adapters.slack.format.defuse import shown
from adapters.slack.format.mrkdwn import mrkdwn, sections
from adapters.slack.places import Place, address
from adapters.slack.reply import ALL, Reply
from adapters.slack.target import Target
from core.cut import piece
from core.errors import Permanent, Transient
from core.ports import Clock, Delivery, Draft

USES = 4  # of the five; one is left for whatever nobody thought of
LASTS = 25 * 60  # seconds; Slack says 30 minutes
SKEW = 60  # seconds that Slack's clock and ours may differ
SHORT = 3000  # characters of mrkdwn that one text takes
LONGEST = 8500  # characters of Markdown that are shown to the sender alone; beyond, there is a DM
OPENING = 2500  # characters that are shown to the sender when the rest goes elsewhere
TOGETHER = "I answered this together with your next one."


class Replies(Protocol):
    """Makes what writes an answer's messages to a target."""

    def __call__(
        self,
        delivery: Delivery,
        target: Target,
        *,
        first: int = 0,
        until: int = ALL,
        start: int = 0,
    ) -> Reply:
        """A reply of the parts from `first` to before `until`, for the answer from `start` on."""
        ...


class _Opening(msgspec.Struct):
    """Part 0: how often the `response_url` was used, and how far the answer is shown by it."""

    uses: int = 0
    end: int = 0


class Commanded:
    """One delivery of an answer to slash commands."""

    def __init__(
        self, delivery: Delivery, draft: Draft, api: WebApi, reply: Replies, *, clock: Clock
    ) -> None:
        self._delivery = delivery
        self._draft = draft
        self._api = api
        self._reply = reply
        self._clock = clock
        self._origin = delivery.origins[-1]

    async def deliver(self, *, classic: bool) -> None:
        """Send the answer once it is whole."""
        await self._draft.end()
        text = shown(self._draft.text, final=True) or "_Stopped._"
        if 0 in self._delivery.sent:
            end = _opening(self._delivery).end
        else:
            end = await self._open(text)
        if end < len(text):
            await self._continue(text, end, classic=classic)

    async def _open(self, text: str) -> int:
        """Show the answer, or how it begins, to its sender; returns how far that goes.

        0 is the beginning: there is no way to show anything but elsewhere.
        """
        whole = len(text) <= LONGEST
        first = piece(text, 0, limit=LONGEST if whole else OPENING, final=True)
        note = "" if whole else f"\n\n_It goes on in {self._link(await self._dm())}._"
        opening = _opening(self._delivery)
        if self._alive(opening):
            opening.uses += 1
            await self._note(opening, sent=False)
            with suppress(Refused):  # the URL is dead
                await self._api.respond(self._origin["response_url"], _ephemeral(first.text, note))
                opening.end = first.end
        await self._note(opening, sent=True)
        await self._excuse()
        return opening.end

    def _alive(self, opening: _Opening) -> bool:
        young = self._clock.now() < self._asked_at() + LASTS
        return young and opening.uses < USES and bool(self._origin.get("response_url"))

    async def _excuse(self) -> None:
        """Commands that were answered along with the last one hear so, once and if they can."""
        for origin in self._delivery.origins[:-1]:
            if origin.get("kind") != "command":
                continue
            try:
                await self._api.respond(origin["response_url"], _ephemeral(TOGETHER, ""))
            except (Permanent, Transient, KeyError):
                continue

    async def _continue(self, text: str, end: int, *, classic: bool) -> None:
        """Send the rest as a direct message: a question, and its answer in the thread."""
        channel = await self._dm()
        root = self._reply(self._delivery, self._target(channel, None), first=1, until=2)
        await root.resume()
        await root.show(_quoted(self._origin), final=True)
        thread_ts = root.ts
        place = Place(channel=channel, thread_ts=None if classic else thread_ts)
        team = self._delivery.address.account
        await self._delivery.adopt(address(team, place, direct=True))
        rest = self._reply(self._delivery, self._target(channel, thread_ts), first=2, start=end)
        try:
            await rest.resume()
            await rest.show(text, final=True, rated=self._draft.message_id)
        finally:
            rest.leave()

    def _target(self, channel: str, thread_ts: str | None) -> Target:
        return Target(
            team=self._delivery.address.account,
            channel=channel,
            thread_ts=thread_ts,
            user=str(self._origin.get("user", "")),
            user_team=str(self._origin.get("team", "")),
            direct=True,
            since=f"{self._asked_at() - SKEW:.6f}",
        )

    def _asked_at(self) -> float:
        """When the last command came, in seconds since 1970."""
        return float(self._origin.get("at", 0)) / 1000

    async def _dm(self) -> str:
        said = await self._api.call(
            self._delivery.address.account,
            "conversations.open",
            enterprise=self._origin.get("enterprise"),
            users=self._origin.get("user"),
        )
        return str(said["channel"]["id"])

    def _link(self, channel: str) -> str:
        return f"<{self._api.site}app_redirect?channel={channel}|our direct messages>"

    async def _note(self, opening: _Opening, *, sent: bool) -> None:
        await self._delivery.checkpoint(0, msgspec.json.encode(opening).decode(), sent=sent)


def _opening(delivery: Delivery) -> _Opening:
    remembered = delivery.parts.get(0)
    if remembered is None:
        return _Opening()
    return msgspec.json.decode(remembered.encode(), type=_Opening)


def _ephemeral(markdown: str, note: str) -> dict[str, Any]:
    """A message for the sender alone, in place of the one before."""
    text = mrkdwn(markdown) + note
    body = {"response_type": "ephemeral", "replace_original": True, "text": text[:SHORT]}
    if len(text) > SHORT:
        body["blocks"] = [
            {"type": "section", "text": {"type": "mrkdwn", "text": section}}
            for section in sections(text)
        ]
    return body


def _quoted(origin: Any) -> str:
    question = " ".join(str(origin.get("question", "")).split())
    return shown(f"> {question}" if question else "> (your command)", final=True)
