"""Which turn answers a question of the AI SDK's clients: a new one, or one that is known."""

import hashlib
from dataclasses import replace
from itertools import count

from adapters.web.chats import Chats, Say
from adapters.web.dialects.ui import turn_called
from adapters.web.door.principal import Principal, Scope, demand
from adapters.web.errors import Refused
from adapters.web.ui.messages import Asked
from core import outcomes, transcript
from core.arrivals import stored
from core.errors import NotFound
from core.text import words
from core.types import Receipt

LATEST = 20  # messages looked at to find the newest question


class UiTurns:
    """Asks, asks anew, and replaces. The same request again is answered with the same turn."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._database = chats.database

    async def ask(self, principal: Principal, asked: Asked, ip: str) -> Receipt:
        """The turn's receipt. Raises `Refused` and `Transient`."""
        demand(principal, Scope.CHAT)
        said = Say(
            session=asked.session,
            text=asked.text,
            ip=ip,
            message=asked.message,
            system=asked.system,
            transcript=asked.before,
        )
        try:
            if asked.anew:
                return await self._anew(principal, said, asked.replaces)
            if asked.replaces is not None:
                return await self._instead(principal, said, asked.replaces)
        except NotFound as error:
            raise Refused(
                404,
                "not_found",
                "That message is no longer part of the conversation; send it as a new one.",
            ) from error
        return await self._chats.say(principal, said)

    async def _anew(self, principal: Principal, said: Say, answer: str | None) -> Receipt:
        """Answer the question once more; one that never came here is asked."""
        session_id = await self._chats.session_id(principal, said.session)
        if session_id is None:
            return await self._chats.say(principal, said)
        turn_id = await self._turn_called(session_id, answer)
        if turn_id is None:
            found = await self._newest(principal, said)
            if found is None:
                return await self._chats.say(principal, said)
            if found.turn_id is None:
                return found  # it waits, and will be answered for the first time
            turn_id = found.turn_id
        return await self._chats.again(principal, session_id, turn_id, None, said.ip)

    async def _instead(self, principal: Principal, said: Say, name: str) -> Receipt:
        """Have the question take the place of the message `name`, and of all that came after.

        One that stands there already, and last, has been asked by this same request.
        """
        old = await self._stored(principal, replace(said, message=name))
        if old is None or old.turn_id is None:
            return await self._chats.say(principal, said)
        last = await self._last(old.session_id)
        if last.get(old.message_id) == said.text:
            return old
        for number in count():
            version = replace(said, message=_version(said, name, number))
            earlier = await self._stored(principal, version)
            if earlier is None:
                return await self._chats.again(
                    principal, old.session_id, old.turn_id, version, said.ip
                )
            if earlier.message_id in last:
                return earlier
        raise AssertionError("no conversation has all versions")

    async def _newest(self, principal: Principal, said: Say) -> Receipt | None:
        """Where the question went when it was last asked in these words."""
        if said.message is None:
            return None
        found = await self._stored(principal, said)
        for number in count():
            version = replace(said, message=_version(said, said.message, number))
            later = await self._stored(principal, version)
            if later is None:
                break
            found = later
        return found

    async def _stored(self, principal: Principal, said: Say) -> Receipt | None:
        return await self._database.read(stored, self._chats.event(principal, said))

    async def _last(self, session_id: int) -> dict[int, str]:
        """The texts of the conversation's newest question, by their messages' ids."""
        found = await self._database.read(
            transcript.conversation, session_id, before=None, limit=LATEST
        )
        newest = [each for each, _ in found if each.turn_id == found[-1][0].turn_id]
        return {each.id: words(each.parts) for each in newest if each.role == "user"}

    async def _turn_called(self, session_id: int, name: str | None) -> int | None:
        """The session's turn whose answer is called so, if that is a name given here."""
        turn_id = None if name is None else turn_called(name)
        if turn_id is None:
            return None
        try:
            place = await self._database.read(outcomes.place, turn_id)
        except NotFound:
            return None
        return turn_id if place.session_id == session_id else None


def _version(said: Say, name: str, number: int) -> str:
    """The name of a message that took another's place; no client can choose such a one.

    `number` counts the times that the same words did.
    """
    digest = hashlib.sha256(f"{number}\n{said.text}".encode()).hexdigest()
    return f"{name.partition('~')[0]}~{digest[:16]}"
