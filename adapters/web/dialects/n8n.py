"""What the n8n chat widget reads: lines of JSON, an answer's conversation as messages."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from adapters.web.dialects.appended import Appended
from adapters.web.failure import failure
from adapters.web.wire import encode
from core.live import Update
from core.text import render
from core.types import Message, Outcome, Status

KINDS = {"user": "HumanMessage", "assistant": "AIMessage"}


class N8nSource(msgspec.Struct, rename="camel"):
    """Where the widget is told that a line comes from; `timestamp` is in milliseconds."""

    timestamp: int
    node_id: str = "gw"
    node_name: str = "gateway"
    run_index: int = 0
    item_index: int = 0


class N8nLine(msgspec.Struct):
    """A line of a stream. An `item` has words, an `error` what to show in place of an answer."""

    type: Literal["begin", "item", "end", "error"]
    metadata: N8nSource
    content: str | UnsetType = UNSET


class N8nMessage(msgspec.Struct):
    """A message of the conversation, by its class and what that is made with."""

    lc: int
    type: Literal["constructor"]
    id: list[str]
    kwargs: dict[str, Any]


class N8nReply(msgspec.Struct):
    """An answer (`output`), or the conversation so far (`data`), oldest first."""

    output: str | UnsetType = UNSET
    data: list[N8nMessage] | UnsetType = UNSET


class N8n:
    """Encodes the updates of one turn; `timestamp` is when it was asked for, in milliseconds."""

    def __init__(self, timestamp: int) -> None:
        self._source = N8nSource(timestamp=timestamp)
        self._said = Appended()

    def encode(self, update: Update) -> bytes:
        """The update as lines; empty when there is nothing to tell."""
        data = self._line("begin") if update.started else b""
        if words := self._said.words(update):
            data += self._line("item", words)
        if update.outcome is not None:
            data += self._end(update.outcome)
        return data

    def _end(self, outcome: Outcome) -> bytes:
        if outcome.status == Status.FAILED:
            return self._line("error", failure(outcome).message)
        return self._line("end")

    def _line(
        self, kind: Literal["begin", "item", "end", "error"], content: str | UnsetType = UNSET
    ) -> bytes:
        return encode(N8nLine(type=kind, metadata=self._source, content=content)) + b"\n"


def session(messages: Sequence[Message]) -> N8nReply:
    """A conversation as the widget takes it up again."""
    return N8nReply(
        data=[
            N8nMessage(
                lc=1,
                type="constructor",
                id=["langchain_core", "messages", KINDS[message.role]],
                kwargs={"content": render(message.parts), "additional_kwargs": {}},
            )
            for message in messages
        ]
    )
