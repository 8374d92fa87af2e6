"""What finds answers, made from top to bottom: models, memory, personas, commands and money."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from adapters.claude import Claude
from core.answering import Answerer
from core.asking import Asker
from core.attachments import Attachments
from core.database import Database
from core.facts import PriceUnknown
from core.manner import Manner
from core.memory import Memory, Strategy
from core.models import Models
from core.obeying import Obeyer
from core.personas import Personas
from core.ports import Clock, Fetcher, Model, Observer
from core.purse import Money, Purse
from core.telling import About
from gateway import price_file
from gateway.config import Settings

NAME = "Chat Gateway"
WHOLE = frozenset({"whatsapp"})  # platforms on which nothing of an answer is seen before its end


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What finds answers, what obeys commands, and what holds the money for both."""

    answerer: Answerer
    obeyer: Obeyer
    purse: Purse


def answers_of(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    names: Sequence[str],
    *,
    database: Database,
    claude: Claude | None,
    models: Models,
    fetchers: Mapping[str, Fetcher],
    personas: Personas,
    clock: Clock,
    observe: Observer,
) -> Answers:
    """All of it, from top to bottom. Raises `Misconfigured`."""
    purse = purse_of(
        settings, names, personas=personas, database=database, clock=clock, observe=observe
    )
    obeyer = obeyer_of(
        settings, names, database=database, personas=personas, purse=purse, clock=clock
    )
    answerer = answerer_of(
        settings,
        database=database,
        claude=claude,
        models=models,
        fetchers=fetchers,
        personas=personas,
        obeyer=obeyer,
        purse=purse,
        clock=clock,
        observe=observe,
    )
    return Answers(answerer=answerer, obeyer=obeyer, purse=purse)


def models_of(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    api: Model,
    names: Sequence[str],
    *,
    personas: Personas,
    clock: Clock,
    observe: Observer,
) -> Models:
    """The models that answer."""
    return Models(
        api,
        names,
        observe=observe,
        clock=clock,
        chance=random.random,
        wishable=wishable(settings, personas),
    )


def wishable(settings: Settings, personas: Personas) -> tuple[str, ...]:
    """The models that are asked only where they are wished for."""
    return tuple(filter(None, (settings.model_simple, *(each.model for each in personas.all()))))


def purse_of(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    names: Sequence[str],
    *,
    personas: Personas,
    database: Database,
    clock: Clock,
    observe: Observer,
) -> Purse:
    """What answers may cost. Raises `Misconfigured`."""
    prices, others = price_file.prices(settings.prices_file), wishable(settings, personas)
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    if not settings.demo:
        for name in dict.fromkeys((*names, *others)):
            if prices.price(name, today) is None:
                observe(PriceUnknown(model=name))
    money = Money(
        prices=prices,
        limits=settings.limits,
        model=names[0],
        simple=None if settings.demo else settings.model_simple,
        others=frozenset((*names, *others)),
    )
    return Purse(money, database=database, observe=observe, clock=clock)


def answerer_of(  # noqa: PLR0913 - what it is made of
    settings: Settings,
    *,
    database: Database,
    claude: Claude | None,
    models: Models,
    fetchers: Mapping[str, Fetcher],
    personas: Personas,
    obeyer: Obeyer,
    purse: Purse,
    clock: Clock,
    observe: Observer,
) -> Answerer:
    """What finds answers."""
    strategy = Strategy(settings.context_strategy)
    if claude is None and strategy is Strategy.SUMMARY:
        strategy = Strategy.IMPORTANCE  # the demo model can't sum up
    summing, moment = models, claude is not None and settings.context_facts == "on"
    if claude is not None:
        summing = Models(
            claude, settings.summary_models, observe=observe, clock=clock, chance=random.random
        )
    return Answerer(
        database=database,
        asker=Asker(models=models, observe=observe, clock=clock),
        attachments=Attachments(database=database, fetchers=fetchers, observe=observe, clock=clock),
        memory=Memory(
            database=database,
            models=summing,
            purse=purse,
            observe=observe,
            clock=clock,
            moment=moment,
        ),
        manner=Manner(
            system_prompt=settings.system_prompt,
            strategy=strategy,
            moment=moment,
            personas=personas,
            check=settings.persona_check != "off",
            whole=WHOLE if settings.persona_check == "mend" else frozenset(),
        ),
        obeyer=obeyer,
        purse=purse,
    )


def obeyer_of(  # noqa: PLR0913 - what it works with
    settings: Settings,
    names: Sequence[str],
    *,
    database: Database,
    personas: Personas,
    purse: Purse,
    clock: Clock,
) -> Obeyer:
    """What obeys commands in chat."""
    return Obeyer(
        database=database,
        clock=clock,
        pick=secrets.choice,
        about=About(
            name=NAME, version=version("chat-gateway"), models=tuple(names), demo=settings.demo
        ),
        personas=personas,
        usage=purse,
    )
