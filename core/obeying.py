"""Commands are obeyed: what a person told the gateway itself is done, and they are told so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import commands, forgetting, people
from core.commands import Command
from core.database import Database
from core.pairing import Pairing
from core.personas import Personas
from core.ports import Clock
from core.telling import About, Case, Teller, Usage
from core.types import Turn
from core.wording import words_in

# What concerns one person, and is nothing for others to read.
ALONE = frozenset(
    {commands.LINK, commands.UNLINK, commands.EXPORT, commands.FORGET, commands.USAGE}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Obeyed:
    """What people are told, in Markdown, and what else it means for the turn.

    `fresh`: nothing that was said before the turn counts any more. `changed`: more, or less, of it
    does than was read before.
    """

    reply: str
    fresh: bool = False
    changed: bool = False


class Obeyer:
    """Does what commands say. All of it bears repetition: whoever takes a turn over does it again.

    `pick` picks one sign of a text, by chance that nobody can guess.
    """

    def __init__(  # noqa: PLR0913 - what commands are about
        self,
        *,
        database: Database,
        clock: Clock,
        pick: Callable[[str], str],
        about: About,
        personas: Personas | None = None,
        usage: Usage | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._teller = Teller(database=database, about=about, personas=personas, usage=usage)
        self._pairing = Pairing(database=database, clock=clock, pick=pick)

    async def obey(
        self, turn: Turn, given: Sequence[Command], language: str | None = None
    ) -> Obeyed:
        """Do what a turn's commands say, in their order. Raises `Fenced`, and as a database does.

        `language` is what the person reads, if their messages tell; else it is looked up.
        """
        if language is None and turn.person_id is not None:
            language = await self._database.read(people.language, turn.person_id)
        obeyed = [await self._one(turn, command, language) for command in given]
        return Obeyed(
            reply="\n\n".join(each.reply for each in obeyed),
            fresh=any(each.fresh for each in obeyed),
            changed=any(each.changed for each in obeyed),
        )

    def over(self, turn: Turn) -> None:
        """A turn is closed: what it linked while both conversations answered is made one now."""
        self._pairing.over(turn)

    async def resume(self) -> None:
        """Make one what whoever ran before has left apart."""
        await self._pairing.resume()

    async def rest(self) -> None:
        """Drop what is done beside the turns."""
        await self._pairing.rest()

    async def _one(self, turn: Turn, command: Command, language: str | None) -> Obeyed:
        said, name = words_in(language), command.name
        if name in ALONE and not turn.address.direct:
            await self._pairing.spoil(command)
            return Obeyed(reply=said.alone)
        if name in ALONE - {commands.EXPORT} and turn.person_id is None:
            return Obeyed(reply=said.stranger)
        case = Case(turn=turn, words=said, language=language, argument=command.argument)
        match name:
            case commands.NEW:
                return Obeyed(reply=said.fresh, fresh=True)
            case commands.LINK if case.argument:
                reply, linked = await self._pairing.redeem(case)
                return Obeyed(reply=reply, changed=linked)
            case commands.FORGET if case.argument:
                await self._forget(turn)
                return Obeyed(reply=said.forgotten, fresh=True)
        return Obeyed(reply=await self._told(name, case))

    async def _told(self, name: str, case: Case) -> str:
        match name:
            case commands.LINK:
                return await self._pairing.begin(case)
            case commands.UNLINK:
                return await self._pairing.unlink(case)
            case commands.FORGET:
                return case.words.forget_ask
        return await self._teller.tell(name, case)

    async def _forget(self, turn: Turn) -> None:
        now = int(self._clock.now() * 1000)
        while await self._database.write(forgetting.forget_some, turn, now=now):
            pass
        await self._database.write(forgetting.forget_here, turn)
