"""Who answers in a conversation, and by which model, if somebody chose."""

from dataclasses import dataclass

from sqlalchemy import Connection, Text, bindparam, select, update

from core.statements import number
from core.tables import sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A persona's key and a model's name; None is as usual."""

    persona: str | None = None
    model: str | None = None


def chosen(db: Connection, session_id: int) -> Choice:
    """What was chosen in a conversation."""
    row = db.execute(_CHOSEN, {"session": session_id}).one()
    return Choice(persona=row.persona, model=row.model)


def choose_persona(db: Connection, session_id: int, key: str | None) -> None:
    """Let a persona answer from now on; None as usual."""
    db.execute(_PERSONA, {"session": session_id, "of_choice": key})


def choose_model(db: Connection, session_id: int, name: str | None) -> None:
    """Let a model answer from now on; None as usual."""
    db.execute(_MODEL, {"session": session_id, "of_choice": name})


_ONE = sessions.c.id == number("session")
_VALUE = bindparam("of_choice", type_=Text)
_CHOSEN = select(sessions.c.persona, sessions.c.model).where(_ONE)
_PERSONA = update(sessions).where(_ONE).values(persona=_VALUE)
_MODEL = update(sessions).where(_ONE).values(model=_VALUE)
