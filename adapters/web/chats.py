"""What every dialect does with a message, whatever it looks like on the wire."""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

from adapters.web.door.principal import Kind, Principal, Scope, demand
from adapters.web.door.verdicts import invalid
from adapters.web.errors import Refused
from adapters.web.wire import address_of, message_key
from core import arrivals, commands, files, outcomes, transcript
from core.account import ONCE, Conversation, find
from core.changes import Changes
from core.commands import Command
from core.conversation import ConversationHandler
from core.database import Database
from core.errors import NotFound
from core.live import Update
from core.telling import NOTHING
from core.text import clean
from core.types import (
    Address,
    Attachment,
    InboundEvent,
    Outcome,
    PromptMessage,
    Receipt,
    Sender,
)
from core.visitors import Retired

SENDER = Sender(external_id="")  # an account here is one caller's; a program's is many's
QUEUE = 16  # messages that may wait in a session; they are answered together


class Allowance(Protocol):
    """How much a caller may say."""

    def message(self, principal: Principal, ip: str) -> None:
        """Count one message. Raises `Refused` (429) when it is one too many."""
        ...

    def act(self, principal: Principal, ip: str) -> None:
        """Count what costs as much as a message. Raises `Refused` (429) when it is one too many."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """A message of a caller, from the network address `ip`.

    `message` is its client's name for it: the same one again is the same message. None is a new
    message each time. `files` are ids of the caller's uploads. `language` is the sender's, if
    it is not what their browser asks for. The rest is as in `core.types.InboundEvent`.
    """

    session: str
    text: str
    ip: str
    message: str | None = None
    system: str | None = None
    transcript: tuple[PromptMessage, ...] = ()
    model: str | None = None
    max_tokens: int | None = None
    files: tuple[str, ...] = ()
    language: str | None = None


class Chats:
    """Callers and their conversations: everything of one caller's is out of reach of another's."""

    def __init__(
        self,
        *,
        handler: ConversationHandler,
        database: Database,
        changes: Changes,
        allowance: Allowance,
    ) -> None:
        self.handler = handler
        self.database = database
        self.changes = changes
        self._allowance = allowance
        # Messages whose client has no names for them: one that no other has.
        self._run, self._count = secrets.token_hex(8), count()

    async def say(self, principal: Principal, said: Say) -> Receipt:
        """Store a message and start its turn; once this returns, it will be answered.

        The same message again costs nothing. Raises `Refused` (403, 404, 409, 429) and `Transient`:
        then nothing was stored.
        """
        demand(principal, Scope.CHAT)
        event = replace(self.event(principal, said), files=await self._attached(said.files))
        try:
            self._allowance.message(principal, said.ip)
        except Refused:
            if said.message is None or await self.database.read(arrivals.stored, event) is None:
                raise
        if (
            event.command == commands.STOP
            and await self.database.read(arrivals.stored, event) is None
            and await self.stop(principal, said.session) is None
        ):
            event = replace(event, argument=NOTHING)
        try:
            receipt = await self.handler.accept(event)
        except Retired as error:
            raise invalid() from error
        except NotFound as error:
            raise _not_there() from error
        if receipt.duplicate:
            await self._check_same(receipt, said)
        return receipt

    def count(self, principal: Principal, ip: str) -> None:
        """Count what costs as much as a message. Raises `Refused` (429)."""
        self._allowance.act(principal, ip)

    async def _attached(self, keys: Sequence[str]) -> tuple[Attachment, ...]:
        """Uploads as a message has them. Whose they are, the core finds out."""
        known = await self.database.read(files.find, keys) if keys else {}
        return tuple(
            Attachment(upload=key, name=known[key].name if key in known else "") for key in keys
        )

    async def _check_same(self, receipt: Receipt, said: Say) -> None:
        """Refuse a name that stands for another message: this one would be lost without a word."""
        text = await self.database.read(transcript.text_of, receipt.message_id)
        sent = await self.database.read(files.sent_with, receipt.message_id)
        if (text, sent) != (said.text, set(said.files)):
            raise Refused(
                409,
                "message_id_used",
                "That message id stands for another message of this conversation; send this one"
                " with an id of its own.",
            )

    def event(self, principal: Principal, said: Say) -> InboundEvent:
        """A caller's message as the core takes it; only a trusted one may set `system`."""
        message = said.message or f"{self._run}.{next(self._count)}"
        command = _command(principal, said)
        return InboundEvent(
            address=address_of(principal, said.session),
            text=said.text,
            message_key=message_key(principal, said.session, message),
            system=clean(said.system) if said.system and principal.trusted else None,
            transcript=tuple(replace(each, text=clean(each.text)) for each in said.transcript),
            model=said.model,
            max_tokens=said.max_tokens,
            queue=QUEUE,
            visitor=principal.name if principal.kind is Kind.VISITOR else None,
            sender=None if principal.kind is Kind.SERVICE else SENDER,
            command=command.name if command else None,
            argument=command.argument if command else "",
            language=said.language or principal.language,
            metered=principal.kind is not Kind.PUBLIC,
        )

    async def again(
        self, principal: Principal, session_id: int, turn_id: int, said: Say | None, ip: str
    ) -> Receipt:
        """Have a turn's messages answered anew, or `said` in their place. Raises as `say`."""
        demand(principal, Scope.CHAT)
        self._allowance.message(principal, ip)
        event = None if said is None else self.event(principal, said)
        metered = principal.kind in {Kind.USER, Kind.VISITOR}
        return await self.changes.again(session_id, turn_id, event, metered=metered)

    def updates(self, receipt: Receipt) -> AsyncGenerator[Update, None]:
        """The answer to a message, as it grows, from its start to its end."""
        return self.handler.watch(receipt)

    async def outcome(self, receipt: Receipt) -> Outcome:
        """The answer to a message, once it is complete."""
        async with aclosing(self.updates(receipt)) as updates:
            async for update in updates:
                if update.outcome is not None:
                    return update.outcome
        raise AssertionError("updates end with an outcome")

    async def session_id(self, principal: Principal, session: str) -> int | None:
        """The caller's session of that name, if it has one."""
        address = address_of(principal, session)
        return await self.database.read(transcript.find_session, address)

    async def conversation(self, principal: Principal, session: str) -> Conversation | None:
        """What a list shows of the caller's session of that name, if it has one."""
        where: Address = address_of(principal, session)
        return await self.database.read(find, where.platform, where.account, session)

    async def stop(self, principal: Principal, session: str) -> int | None:
        """End the running answer of a caller's session; returns its turn, None if none runs."""
        session_id = await self.session_id(principal, session)
        if session_id is None:
            return None
        running = await self.database.read(outcomes.open_turn, session_id)
        if running is not None:
            await self.handler.stop(running)
        return running


def _command(principal: Principal, said: Say) -> Command | None:
    """The command that a message is: people's alone, and where they have a conversation."""
    if principal.kind is Kind.SERVICE or said.session.startswith(ONCE) or said.files:
        return None
    return commands.parse(said.text)


def _not_there() -> Refused:
    return Refused(
        404,
        "upload_not_found",
        "A file of this message is not there: it was never uploaded, or was sent or deleted since."
        " Upload it again, then send the message with its new id.",
        param="files",
    )
