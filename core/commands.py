"""Commands in chat: what a person tells the gateway itself, not a model."""

from collections.abc import Iterable, Sequence

from core.transcript import Spoken
from core.types import Part

HELP, NEW, STOP = "help", "new", "stop"

_NAMES = {"help": HELP, "new": NEW, "reset": NEW, "clear": NEW, "stop": STOP}
_AFRESH = "We start afresh: what was said so far is no longer part of this conversation."


def parse(text: str, *, prefix: str = "!") -> str | None:
    """The command that a message is, or None: then it is for the model.

    A command stands alone, in any case: `!help`. With an empty `prefix`, `help`.
    """
    word = text.strip().lower()
    if not word.startswith(prefix):
        return None
    return _NAMES.get(word.removeprefix(prefix))


def usage(*, prefix: str = "!") -> str:
    """What a person can do, in Markdown."""
    return (
        "Write to me, and I answer. I remember what was said in this conversation.\n\n"
        f"- `{prefix}new` starts it afresh\n"
        f"- `{prefix}stop` ends an answer that is too long\n"
        f"- `{prefix}help` shows this"
    )


def reply(names: Iterable[str]) -> str:
    """What a person is told who gave these commands, in Markdown."""
    return "\n\n".join(usage() if name == HELP else _AFRESH for name in dict.fromkeys(names))


def command_of(parts: Iterable[Part]) -> str | None:
    """The command that a stored message is, or None."""
    return next((str(part["name"]) for part in parts if part["type"] == "command"), None)


def told(spoken: Sequence[Spoken], turn_id: int) -> list[str]:
    """What the operator has us tell the person in a turn, the oldest first."""
    return [
        part["tell"]
        for message in spoken
        if message.turn_id == turn_id
        for part in message.parts
        if part["type"] == "tell"
    ]


def given(spoken: Sequence[Spoken], turn_id: int) -> list[str]:
    """The commands among the messages that a turn answers, the oldest first."""
    found = [command_of(message.parts) for message in spoken if message.turn_id == turn_id]
    return [name for name in found if name is not None]


def without(spoken: Sequence[Spoken]) -> list[Spoken]:
    """What of it is for a model: no command, and no reply to commands alone."""
    spoken_to = {
        message.turn_id
        for message in spoken
        if message.role == "user" and command_of(message.parts) is None
    }
    return [
        message
        for message in spoken
        if message.turn_id in spoken_to and command_of(message.parts) is None
    ]
