"""What people are told by commands that change nothing of what was said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core import choices, commands, transcript
from core.database import Database
from core.languages.words import Words
from core.personas import Personas
from core.text import render
from core.types import Message, Turn

# How `!stop` says that there was nothing to stop: no person can write it behind the command.
NOTHING = "nothing"
USUAL = frozenset({"usual", "default", "auto", "none", "üblich", "habitual", "habituel"})
EXPORTED, CHARACTERS = 50, 4000  # messages that an export shows at most, and characters
READS_ALL = frozenset({"web"})  # platforms where all that was said can be had at once


class Usage(Protocol):
    """Knows what people have used."""

    async def text(self, person_id: int, language: str | None) -> str:
        """What a person has used and what is left, in Markdown."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the gateway is: its name and version, and its models, which are real but in a `demo`."""

    name: str
    version: str
    models: tuple[str, ...]
    demo: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A command on its way to a reply."""

    turn: Turn
    words: Words
    language: str | None
    argument: str


class Teller:
    """Knows what there is to choose from, and what was chosen, used and said."""

    def __init__(
        self,
        *,
        database: Database,
        about: About,
        personas: Personas | None = None,
        usage: Usage | None = None,
    ) -> None:
        self._database = database
        self._about = about
        self._personas = personas
        self._usage = usage

    async def tell(self, name: str, case: Case) -> str:
        """The reply to a command, in Markdown."""
        does = {
            commands.STOP: self._stopped,
            commands.ABOUT: self._described,
            commands.PERSONA: self._persona,
            commands.MODEL: self._model,
            commands.USAGE: self._used,
            commands.EXPORT: self._export,
        }
        return await does.get(name, self._helped)(case)

    async def _helped(self, case: Case) -> str:
        if case.argument:
            return commands.usage_of(case.argument, case.language)
        return commands.usage(case.language)

    async def _stopped(self, case: Case) -> str:
        return case.words.nothing_runs if case.argument == NOTHING else case.words.stopped

    async def _described(self, case: Case) -> str:
        said = case.words
        about = said.about_demo if self._about.demo else said.about
        described = about.format(
            name=self._about.name, version=self._about.version, model=self._about.models[0]
        )
        return f"{described} {said.about_help}"

    async def _persona(self, case: Case) -> str:
        said, known = case.words, self._personas.all() if self._personas is not None else ()
        if self._personas is None or not known:
            return said.personas_none
        list_ = "\n".join(f"- **{each.name}**: {each.role}" for each in known)
        session_id = case.turn.session_id
        if not case.argument:
            key = (await self._database.read(choices.chosen, session_id)).persona
            now = self._personas.get(key) if key else None
            return said.personas.format(list=list_, now=now.name if now else said.usual)
        if case.argument.lower() in USUAL:
            await self._database.write(choices.choose_persona, session_id, None)
            return said.persona_usual
        found = self._personas.get(case.argument)
        if found is None:
            return said.persona_unknown.format(name=case.argument, list=list_)
        await self._database.write(choices.choose_persona, session_id, found.key)
        told = said.persona_chosen.format(name=found.name)
        return f"{told}\n\n{found.greeting}" if found.greeting else told

    async def _model(self, case: Case) -> str:
        said, session_id = case.words, case.turn.session_id
        list_ = "\n".join(f"- `{name}`" for name in self._about.models)
        if not case.argument:
            name = (await self._database.read(choices.chosen, session_id)).model
            return said.models.format(list=list_, now=name or said.usual)
        if case.argument.lower() in USUAL:
            await self._database.write(choices.choose_model, session_id, None)
            return said.model_usual
        if case.argument not in self._about.models:
            return said.model_unknown.format(name=case.argument, list=list_)
        await self._database.write(choices.choose_model, session_id, case.argument)
        return said.model_chosen.format(name=case.argument)

    async def _used(self, case: Case) -> str:
        if self._usage is None or case.turn.person_id is None:
            return case.words.usage_none
        return await self._usage.text(case.turn.person_id, case.language)

    async def _export(self, case: Case) -> str:
        said, turn = case.words, case.turn
        if turn.address.platform in READS_ALL:
            return said.export_web
        found = await self._database.read(
            transcript.recent, turn.session_id, limit=EXPORTED, characters=CHARACTERS
        )
        talks = {each.turn_id for each in found if commands.is_talk(each)} - {None, turn.id}
        lines = _lines([each for each in found if each.turn_id in talks][-EXPORTED:], said)
        if not lines:
            return said.export_none
        head = said.export_head.format(count=len(lines))
        return "\n\n".join([head, *lines, said.export_more])


def _lines(messages: Sequence[Message], said: Words) -> list[str]:
    """What was said, the newest as far as there is room, oldest first."""
    lines: list[str] = []
    room = CHARACTERS
    for message in reversed(messages):
        text = render(message.parts)
        if not text or (room := room - len(text)) < 0:
            continue
        lines.insert(0, f"**{said.you if message.role == 'user' else said.me}:** {text}")
    return lines
