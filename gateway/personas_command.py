"""What there is to say of the personas, for `gateway personas check` and `gateway doctor`."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import Misconfigured
from core.personas import Persona, Personas, prompt
from gateway.config import Settings
from gateway.findings import Finding
from gateway.persona_files import load
from gateway.price_file import prices
from gateway.showing import show

WHAT = "PERSONAS_DIR"
A_TOKEN = 3.2  # characters, about
CACHED = 512  # tokens, of which a provider caches a prompt at least
LONG = 50_000  # tokens, from which on a conversation's first answer is slow and dear
_CLOCK = re.compile(r"\b[0-2]?\d:[0-5]\d:[0-5]\d\b")


def check(
    settings: Settings, folder: Path | None = None, *, today: date | None = None
) -> Iterator[Finding]:
    """Every fault, or how many personas there are and what might be better about each.

    `folder` stands for `PERSONAS_DIR` if it is given.
    """
    try:
        found = load(folder or settings.personas_dir, default=settings.persona)
    except Misconfigured as error:
        for line in str(error).splitlines():
            where, _, words = line.partition(": ")
            yield Finding(where, "fail", words)
        return
    keys = ", ".join(each.key for each in found.all())
    yield Finding(WHAT, "ok", f"{len(found.all())} personas: {keys}")
    for persona in found.all():
        for words in warnings(persona, settings, today or datetime.now(UTC).date()):
            yield Finding(persona.key, "warn", words)


def report(settings: Settings, folder: Path | None = None) -> int:
    """Print all personas and findings; the exit status is 1 if something has to be mended."""
    found = list(check(settings, folder))
    console = Console(soft_wrap=True)
    failed = any(each.verdict == "fail" for each in found)
    if not failed:
        personas = load(folder or settings.personas_dir, default=settings.persona)
        show(table(personas, settings))
    for each in found:
        if each.verdict != "ok":
            console.print(Text(f"{each.verdict}  {each.what}: {each.words}"))
    return 1 if failed else 0


def table(personas: Personas, settings: Settings) -> Table:
    """A line for each persona."""
    shown = Table("key", "name", "model", "tokens", "answers at", box=None, pad_edge=False)
    for each in personas.all():
        cells = (each.key, each.name, each.model or settings.model)
        places = [*each.defaults]
        if personas.get(settings.persona) is each:
            places.append("everywhere else")
        size = str(tokens(prompt(each, settings.system_prompt)))
        shown.add_row(*(Text(cell) for cell in (*cells, size, ", ".join(places) or "-")))
    return shown


def warnings(persona: Persona, settings: Settings, today: date) -> Iterator[str]:
    """What an operator would want to know of a persona that can be used."""
    text = prompt(persona, settings.system_prompt)
    size = tokens(text)
    if size < CACHED:
        yield (
            f"its prompt has about {size} tokens, and under {CACHED} none is cached: say more of"
            " what it knows, or add knowledge_files"
        )
    if size > LONG:
        yield (
            f"its prompt has about {size} tokens, which every conversation pays for: keep of its"
            " knowledge_files what matters"
        )
    if (volatile := _volatile(text, today)) is not None:
        yield (
            f"its prompt holds {volatile}; a prompt that changes is cached for nobody. Take it"
            " out: the model is told the time with the messages"
        )
    if persona.model is not None and not settings.demo:
        yield from _of_model(persona.model, settings)


def _of_model(model: str, settings: Settings) -> Iterator[str]:
    if model not in {*settings.models, settings.model_simple}:
        yield (
            f"its model {model} is none of MODEL, MODEL_FALLBACKS and MODEL_SIMPLE, and will be"
            " asked all the same: see that your provider has it"
        )
    if prices(settings.prices_file).price(model) is None:
        yield (
            f"the price of its model {model} is not known, so budgets only guess at what it costs:"
            " add it to PRICES_FILE"
        )


def tokens(text: str) -> int:
    """About how many a model reads."""
    return round(len(text) / A_TOKEN)


def _volatile(text: str, today: date) -> str | None:
    """What looks as if it was put in when the text was made; opening hours do not."""
    day, year = today.day, today.year
    month = today.strftime("%B")
    dates = (
        today.isoformat(),
        f"{day} {month} {year}",
        f"{month} {day}, {year}",
        f"{day}.{today.month}.{year}",
        f"{today.month}/{day}/{year}",
    )
    if any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text) for each in dates):
        return "the date of today"
    return "a time of day" if _CLOCK.search(text) else None
