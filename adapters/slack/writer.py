"""What is done to messages in one thread, each within Slack's limits and with its way out."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from typing import Any

from adapters.slack.blocks import BLOCK_FAULTS, contents, thumbs
from adapters.slack.calls import PAUSE, Refused, Unreachable, Unsure
from adapters.slack.governor import APPEND, POST, START, STOP, UPDATE, Governor
from adapters.slack.target import EVENT, Call, Target
from adapters.slack.traits import LACKING, STREAMS, THUMBS, Traits
from core.errors import Permanent, RateLimited

SPARE = 15  # edits that are kept for endings: an answer's last edit is worth more than any other
TRIES = 3  # of a call that bears repetition and whose fate is unknown
GONE = frozenset({"message_not_found", "cant_delete_message"})
# The message stays as it is: this workspace lets nobody edit, or not any more.
FROZEN = frozenset({"cant_update_message", "edit_window_closed"})


class Appended(Enum):
    """What became of an append."""

    DONE = auto()
    LATER = auto()  # not now; nothing was appended
    OVER = auto()  # the stream has ended
    DOUBT = auto()  # it may have been appended, and the stream be open
    STOPPED = auto()  # its reader stopped it


REFUSED = {
    "message_not_found": Appended.OVER,
    "message_not_in_streaming_state": Appended.OVER,
    "stopped_by_user": Appended.STOPPED,
}


class Frozen(Permanent):
    """The message can't be edited; another one has to take its place."""


class Writer:
    """Writes messages of one thread. `check` raises when somebody else writes them now."""

    def __init__(
        self,
        call: Call,
        target: Target,
        *,
        governor: Governor,
        traits: Traits,
        check: Callable[[], None],
    ) -> None:
        self.target = target
        self.stopped = False  # its reader has stopped the answer
        self._call = call
        self._governor = governor
        self._traits = traits
        self._check = check

    async def post(self, text: str, mark: str, *, rated: int | None = None) -> str:
        """Post a message, and return its time stamp. Raises `Unsure`: then look before you post."""
        target = self.target

        async def attempt(content: Mapping[str, Any]) -> dict[str, Any]:
            return await self._oblige(
                POST,
                target.channel,
                channel=target.channel,
                thread_ts=target.thread_ts,
                unfurl_links=False,
                unfurl_media=False,
                metadata={"event_type": EVENT, "event_payload": {"part": mark}},
                **content,
            )

        return str((await self._shown(text, rated, attempt))["ts"])

    async def start(self, text: str) -> str | None:
        """Open a stream, and return its message's time stamp; None if there is none to be had.

        Raises `Unsure`: then look before you post.
        """
        target = self.target
        lasting = self._governor.room(target.team, STOP) > 0
        if not self._may_stream() or not lasting or not self._governor.spend(target.team, START):
            return None
        self._check()
        try:
            said = await self._call(
                START,
                channel=target.channel,
                thread_ts=target.thread_ts,
                recipient_team_id=target.user_team,
                recipient_user_id=target.user,
                chunks=_chunks(text),
            )
        except RateLimited as error:
            self._governor.pause(error.retry_after or PAUSE, target.team, START)
            return None
        except Refused as error:
            if error.code in LACKING:
                self._traits.lacks(target.team, STREAMS, direct=target.direct)
            return None  # whatever it is, posting tells it, or does better
        self._governor.opened(target.team)
        return str(said["ts"])

    async def append(self, ts: str, text: str) -> Appended:
        """Add to a stream, if there is room for it now."""
        team = self.target.team
        if not self._governor.spend(team, APPEND):
            return Appended.LATER
        self._check()
        try:
            await self._call(APPEND, channel=self.target.channel, ts=ts, chunks=_chunks(text))
        except RateLimited as error:
            self._governor.pause(error.retry_after or PAUSE, team, APPEND)
            return Appended.LATER
        except Unreachable:
            return Appended.LATER
        except Unsure:
            return Appended.DOUBT
        except Refused as error:
            return REFUSED.get(error.code, Appended.DOUBT)
        return Appended.DONE

    async def stop(self, ts: str, text: str, *, rated: int | None = None) -> bool:
        """End a stream with its last words; False if they may not be there."""
        with_thumbs = rated is not None and self._has_thumbs()
        arguments: dict[str, Any] = {"channel": self.target.channel, "ts": ts}
        if text:
            arguments["chunks"] = _chunks(text)
        if rated is not None and with_thumbs:
            arguments["blocks"] = thumbs(rated)
        try:
            await self._oblige(STOP, **arguments)
        except Unsure:
            return False
        except Refused as error:
            if with_thumbs and error.code in BLOCK_FAULTS:
                self._no_thumbs()
                return await self.stop(ts, text)
            self.stopped |= REFUSED.get(error.code) is Appended.STOPPED
            return False
        return True

    async def close(self, ts: str) -> None:
        """End a stream of which nobody knows whether it is open."""
        await self.stop(ts, "")

    async def update(self, ts: str, text: str, *, rated: int | None = None) -> None:
        """Let a message show this. Raises `Frozen`; a message that was deleted is let be."""

        async def attempt(content: Mapping[str, Any]) -> dict[str, Any]:
            return await self._edit(ts, content)

        try:
            await self._shown(text, rated, attempt)
        except Refused as error:
            if error.code in FROZEN:
                raise Frozen(error.code) from None
            if error.code not in GONE:
                raise

    async def touch(self, ts: str, text: str) -> bool:
        """Let a message show this, if there is room for an edit that is not its last."""
        team = self.target.team
        if self._governor.room(team, UPDATE) <= SPARE or not self._governor.spend(team, UPDATE):
            return False
        self._check()
        content = next(contents(text, None))
        try:
            await self._call(UPDATE, channel=self.target.channel, ts=ts, parse="none", **content)
        except RateLimited as error:
            self._governor.pause(error.retry_after or PAUSE, team, UPDATE)
            return False
        except (Unsure, Unreachable, Refused):
            return False  # the last edit tells, or does better
        return True

    def may_edit(self) -> bool:
        """Whether it is worth posting a message that is to grow."""
        return self._governor.room(self.target.team, UPDATE) > SPARE

    async def delete(self, ts: str) -> None:
        """Take a message away; it may be gone. Raises `Unsure`: then it may still be there."""
        for left in reversed(range(TRIES)):
            self._check()
            try:
                await self._call("chat.delete", channel=self.target.channel, ts=ts)
            except Unsure:
                if not left:
                    raise
                continue
            except Refused as error:
                if error.code not in GONE:
                    raise
            return

    async def _edit(self, ts: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Edit, which bears repetition."""
        for left in reversed(range(TRIES)):
            try:
                return await self._oblige(
                    UPDATE, channel=self.target.channel, ts=ts, parse="none", **content
                )
            except Unsure:
                if not left:
                    raise
            except Refused as error:
                if error.code != "streaming_state_conflict":
                    raise
                await self.close(ts)
        raise Unsure("the stream does not end")

    async def _shown(
        self,
        text: str,
        rated: int | None,
        attempt: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        """Show a message as well as Slack lets us."""
        wanted = rated if self._has_thumbs() else None
        refused: Refused | None = None
        for content in contents(text, wanted):
            try:
                said = await attempt(content)
            except Refused as error:
                if error.code not in BLOCK_FAULTS:
                    raise
                refused = refused or error
                continue
            if refused is not None and wanted is not None and "blocks" in content:
                self._no_thumbs()  # without them the same blocks were taken
            return said
        raise refused or AssertionError("there is always a content")

    async def _oblige(self, method: str, *where: str, **arguments: Any) -> dict[str, Any]:
        """Call when there is room; Slack's own limits are waited for."""
        key = (self.target.team, method, *where)
        while True:
            await self._governor.turn(*key)
            self._check()
            try:
                return await self._call(method, **arguments)
            except RateLimited as error:
                self._governor.pause(error.retry_after or PAUSE, *key)

    def _may_stream(self) -> bool:
        target = self.target
        return target.thread_ts is not None and self._traits.has(
            target.team, STREAMS, direct=target.direct
        )

    def _has_thumbs(self) -> bool:
        return self._traits.has(self.target.team, THUMBS, direct=self.target.direct)

    def _no_thumbs(self) -> None:
        self._traits.lacks(self.target.team, THUMBS, direct=self.target.direct)


def _chunks(text: str) -> list[dict[str, str]]:
    return [{"type": "markdown_text", "text": text}]
