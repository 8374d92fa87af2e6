"""A persona as it stands in a TOML file, and what can be wrong with it."""

import tomllib
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from core.errors import Misconfigured
from core.memory import Strategy
from core.personas import Persona, Rule, Tone
from core.phrases import all_phrases, phrase
from gateway.checks import is_plain

# Where people can be answered; a default that names no such place would never be used.
PLATFORMS = ("slack", "web", "whatsapp")
WRONG = {
    "missing": "is missing",
    "string_type": "is not a text",
    "list_type": "is not a list",
    "int_type": "is not a whole number",
    "model_type": "is not a table",
    "string_too_short": "is empty",
    "literal_error": "is not a known value",
    "string_pattern_mismatch": "is not made of small letters, digits and - alone",
    "greater_than_equal": "is too small",
}
PHRASES = (
    "set a list of words or phrases, such as ['refund', 'we will ... pay', 'guarantee*'];"
    " regular expressions are not understood"
)


def _a_phrase(value: str) -> str:
    phrase(value)  # raises ValueError
    return value


def _a_place(value: str) -> str:
    platform = value.partition(":")[0]
    if platform not in PLATFORMS:
        raise ValueError(f"does not begin with one of {', '.join(PLATFORMS)}")
    if "" in value.split(":"):
        raise ValueError("has nothing before or behind a colon")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Lines = list[Line]
Phrases = Annotated[list[Annotated[Line, AfterValidator(_a_phrase)]], BeforeValidator(_listed)]
Places = list[Annotated[Line, AfterValidator(_a_place)]]


class RuleTable(BaseModel):
    """`[[rules]]`: what `core.personas.Rule` says, in words."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    id: Annotated[Line, StringConstraints(pattern=r"^[a-z0-9-]+$")] = Field(
        description="set a name of small letters, digits and -, such as no-refunds"
    )
    message: Line = Field(description="set what the answer should do instead, in a sentence")
    when: Phrases = Field([], description=PHRASES)
    never: Phrases = Field([], description=PHRASES)
    unless: Phrases = Field([], description=PHRASES)
    always: Phrases = Field([], description=PHRASES)
    first_answer: Phrases = Field([], description=PHRASES)
    max_words: int | None = Field(None, ge=1, description="set a whole number, such as 200")

    @model_validator(mode="after")
    def _asks_something(self) -> "RuleTable":
        if not (self.never or self.always or self.first_answer or self.max_words):
            raise ValueError("asks nothing: it has no never, always, first_answer or max_words")
        if self.unless and not self.never:
            raise ValueError("has unless, which is about never, without never")
        return self


class PersonaTable(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    name: Line = Field(description="set what it is called, such as 'Alex'")
    role: Line = Field(description="set what it is, such as 'customer support specialist'")
    traits: Lines = Field([], description="set a list of texts, such as ['patient', 'precise']")
    tone: Literal["friendly", "professional", "casual", "formal"] = Field(
        "friendly", description="set friendly, professional, casual or formal"
    )
    knowledge: Lines = Field([], description="set a list of texts, such as ['troubleshooting']")
    knowledge_files: Lines = Field(
        [], description="set a list of .md or .txt files beside this one, such as ['faq.md']"
    )
    constraints: Lines = Field([], description="set a list of sentences")
    greeting: Line | None = Field(None, description="set a text, or leave it out")
    model: Line | None = Field(None, description="set one model's name, or leave it out")
    strategy: Literal["summary", "importance", "window", "full"] | None = Field(
        None, description="set summary, importance, window or full, or leave it out"
    )
    defaults: Places = Field(
        [], description="set a list of places, such as ['slack', 'slack:T1:C2', 'web']"
    )
    rules: list[RuleTable] = Field(
        [],
        description="write each as [[rules]] with an id of its own, a message, and one of never,"
        " always, first_answer or max_words",
    )

    @field_validator("model")
    @classmethod
    def _a_model(cls, value: str | None) -> str | None:
        if value is not None and (not is_plain(value) or "," in value):
            raise ValueError("is not the name of a model")
        return value

    @field_validator("rules")
    @classmethod
    def _each_once(cls, value: list[RuleTable]) -> list[RuleTable]:
        if len({each.id for each in value}) < len(value):
            raise ValueError("has two with the same id")
        return value


def read(text: str) -> dict[str, Any]:
    """A file's fields, whatever they are. Raises `Misconfigured`: it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"is not TOML: {error}. To mend it, see what stands there.") from None
    except (ValueError, RecursionError):  # what Python refuses to count, or to follow
        raise Misconfigured(
            "holds a number that is too long, or nests too deep. To mend it, take that out."
        ) from None


def parse(fields: dict[str, Any]) -> PersonaTable:
    """Understand a file's fields.

    Raises `Misconfigured` with every fault, one a line, each naming its field.
    """
    try:
        return PersonaTable.model_validate(fields)
    except ValidationError as error:
        faults = [_sentence(fault) for fault in error.errors(include_input=False)]
    raise Misconfigured("\n".join(faults))


def made(key: str, table: PersonaTable, texts: tuple[tuple[str, str], ...]) -> Persona:
    """The persona that a file describes, with what its knowledge files say."""
    return Persona(
        key=key,
        name=table.name,
        role=table.role,
        traits=tuple(table.traits),
        tone=Tone(table.tone),
        knowledge=tuple(table.knowledge),
        constraints=tuple(table.constraints),
        model=table.model,
        strategy=None if table.strategy is None else Strategy(table.strategy),
        greeting=table.greeting,
        texts=texts,
        rules=tuple(map(_rule, table.rules)),
        defaults=tuple(dict.fromkeys(table.defaults)),
    )


def _rule(table: RuleTable) -> Rule:
    return Rule(
        id=table.id,
        message=table.message,
        when=all_phrases(table.when),
        never=all_phrases(table.never),
        unless=all_phrases(table.unless),
        always=all_phrases(table.always),
        first_answer=all_phrases(table.first_answer),
        max_words=table.max_words,
    )


def _sentence(fault: ErrorDetails) -> str:
    """`rules[0].never: is not a list. To mend it, …`, with entries counted from 1."""
    where = "".join(f"[{at + 1}]" if isinstance(at, int) else f".{at}" for at in fault["loc"])
    where = where.removeprefix(".")
    model: type[BaseModel] = RuleTable if fault["loc"][0] == "rules" else PersonaTable
    if fault["type"] == "extra_forbidden":
        return f"{where}: is no field here. To mend it, take it out, or use one of {_names(model)}."
    wrong = WRONG.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    return f"{where}: {wrong}. To mend it, {_mend(model, fault['loc'])}."


def _mend(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    names = [at for at in loc if isinstance(at, str)]
    field = model.model_fields.get(names[-1]) or PersonaTable.model_fields[names[0]]
    return str(field.description)


def _names(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)
