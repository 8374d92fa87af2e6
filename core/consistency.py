"""Whether an answer is as its persona promises: by its rules alone, always the same.

Only what a rule says is checked. A constraint is prose, for the model; to guess from its words
what would break it ("Never make promises …": each answer with "promises" in it) blames answers
that keep it, and misses those that don't.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, select
from sqlalchemy.sql.dml import Insert

from core.personas import Persona, Rule, Tone
from core.phrases import Phrases, Said, all_phrases, holds, said, sentences
from core.statements import both
from core.tables import findings as table
from core.types import Prompt, PromptMessage

SLANG_RULE, EMOJI_RULE = "tone:slang", "tone:emoji"
# Words of chats, and of little else. In code or a quotation they are somebody else's.
_SLANG: Phrases = all_phrases(
    "lol lmao rofl omg wtf idk tbh ngl imho brb thx plz pls haha* gonna wanna gotta dunno".split()  # noqa: SIM905 - a line, not twenty
)
_EMOJI = re.compile(
    "[\u2639\u263a\u2705\u2728\u274c\u2764\u2b50\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]"
)
_NOT_OURS = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*+`|^[ \t]{0,3}>[^\n]*+", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule that an answer breaks; the message is the rule's own, never the answer's words."""

    rule: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """How often answers of a persona broke a rule."""

    persona: str
    rule: str
    count: int


def check(persona: Persona, text: str, *, first: bool) -> tuple[Finding, ...]:
    """What an answer breaks, in the order of the rules; `first` if its conversation began with it.

    Takes time by the text's length: about a millisecond for 10 kB. An empty answer breaks nothing.
    """
    if not text.strip():
        return ()
    whole = said(text)
    own = (
        Finding(rule=rule.id, message=rule.message)
        for rule in persona.rules
        if _breaks(rule, whole, first=first)
    )
    return (*own, *_tone(persona.tone, text, whole))


def mending_prompt(prompt: Prompt, answer: str, findings: Sequence[Finding]) -> Prompt:
    """What to ask once more, to have an answer that breaks nothing.

    `prompt` is what was asked, `answer` what was said to it (not empty). The first prompt is the
    beginning of this one, so that a provider has it cached.
    """
    faults = "\n".join(f"- {each.message}" for each in findings)
    note = (
        "[From the operator, not from the person:] Your last answer was not sent, because it does"
        f" not keep to your rules:\n{faults}\nGive the whole answer anew so that it does, in the"
        " same language. Do not speak of this note, nor of the first answer."
    )
    said_and_told = (
        PromptMessage(role="assistant", text=answer),
        PromptMessage(role="user", text=note),
    )
    return replace(prompt, messages=(*prompt.messages, *said_and_told))


def store(db: Connection, turn_id: int, persona: str, rules: Iterable[str], now: int) -> None:
    """Remember which rules a turn's answer breaks; what is known already stays as it is.

    Belongs into the transaction that stores the answer, behind its fence: an answer that is lost
    leaves no findings.
    """
    for rule in dict.fromkeys(rules):
        values = {"turn_id": turn_id, "persona": persona, "rule": rule, "created_at": now}
        db.execute(_STORE[db.dialect.name], values)


def counts(db: Connection, since: int) -> tuple[Broken, ...]:
    """What was broken since a time (milliseconds since 1970), the most frequent first."""
    rows = db.execute(_COUNTS, {"since": since}).all()
    return tuple(Broken(persona=row.persona, rule=row.rule, count=row.times) for row in rows)


def _breaks(rule: Rule, whole: Said, *, first: bool) -> bool:
    if rule.when and not holds(whole, rule.when):
        return False
    return (
        _says(whole, rule.never, rule.unless)
        or bool(rule.always and not holds(whole, rule.always))
        or bool(first and rule.first_answer and not holds(whole, rule.first_answer))
        or bool(rule.max_words and whole.count > rule.max_words)
    )


def _says(whole: Said, never: Phrases, unless: Phrases) -> bool:
    """Whether a sentence has one of `never` and none of `unless`."""
    return holds(whole, never) and any(
        holds(each, never) and not holds(each, unless) for each in sentences(whole)
    )


def _tone(tone: Tone, text: str, whole: Said) -> Iterator[Finding]:
    if tone not in {Tone.PROFESSIONAL, Tone.FORMAL}:
        return
    own, others = _NOT_OURS.subn(" ", text)
    if holds(whole, _SLANG) and (not others or holds(said(own), _SLANG)):
        yield Finding(rule=SLANG_RULE, message="Use no chat slang, such as lol, omg or gonna.")
    if not own.isascii() and _EMOJI.search(own):
        yield Finding(rule=EMOJI_RULE, message="Use no emoji.")


def _store(insert_: Any) -> Insert:
    statement = insert_(table)
    return statement.on_conflict_do_nothing(  # type: ignore[no-any-return]
        index_elements=["turn_id", "rule"]
    )


_STORE = both(_store)
_TIMES = func.count().label("times")
_COUNTS = (
    select(table.c.persona, table.c.rule, _TIMES)
    .where(table.c.created_at >= bindparam("since", type_=BigInteger))
    .group_by(table.c.persona, table.c.rule)
    .order_by(_TIMES.desc(), table.c.persona, table.c.rule)
)
