"""Which questions a cheap model may answer: small talk, at the beginning of a conversation.

A rule of a few microseconds, without a network. It goes one way: a conversation that has left the
cheap model stays away from it, for each model keeps a cache of its own, and a tone.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 200  # characters
LIVE = 6  # messages that are shown; a conversation that is longer is about something


class Reason(StrEnum):
    """Why a question is simple, or is not; few enough to label a metric."""

    SMALL_TALK = "small_talk"
    SHORT = "short"  # nothing speaks against it; only if that is enough
    LEFT = "left"  # the conversation has left the simple model
    FILES = "files"
    LATER = "later"  # the conversation is long already
    LENGTH = "length"
    LAYOUT = "layout"  # several lines, code or an address
    SUM = "sum"  # digits, and what is done with them
    WORD = "word"  # one that asks for thought
    OTHER = "other"  # not small talk
    EMPTY = "empty"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Whether the simple model may answer, and why."""

    simple: bool
    reason: Reason


def simple(text: str, *, files: bool, live_messages: int, on_simple: bool | None) -> bool:
    """Whether the simple model may answer; `route` tells why, too."""
    found = route(text, files=files, live_messages=live_messages, on_simple=on_simple)
    return found.simple


def route(
    text: str, *, files: bool, live_messages: int, on_simple: bool | None, wide: bool = False
) -> Route:
    """Decide about the newest question of a conversation.

    `on_simple` is whether the conversation is with the simple model by now, None for a new one;
    `live_messages` are those that are shown, this one included. With `wide` whatever is short and
    asks for no thought is simple, else greetings, thanks, yes and no alone.
    """
    reason = _outside(files, live_messages, on_simple) or _reason(text.strip(), wide=wide)
    return _ROUTES[reason]


def _outside(files: bool, live_messages: int, on_simple: bool | None) -> Reason | None:  # noqa: FBT001 - named by the caller
    if on_simple is False:
        return Reason.LEFT
    if files:
        return Reason.FILES
    return Reason.LATER if live_messages > LIVE else None


def _reason(text: str, *, wide: bool) -> Reason:
    if not text or len(text) > LONGEST:
        return Reason.LENGTH if text else Reason.EMPTY
    if not _MARKS.isdisjoint(text) and (marked := _LAYOUT.search(text) or _SUM.search(text)):
        return Reason.LAYOUT if marked.re is _LAYOUT else Reason.SUM
    parts = text.lower().translate(_PLAIN)
    words = parts.replace("|", " ").split()
    if not _ESCALATE.isdisjoint(words):
        return Reason.WORD
    if _is_small_talk(parts, words):
        return Reason.SMALL_TALK
    return Reason.SHORT if wide else Reason.OTHER


def _is_small_talk(parts: str, words: list[str]) -> bool:
    """Every part between commas and stops is something that is said without a wish behind it."""
    if not words or words[0] not in _BEGINS:
        return False
    for part in parts.split("|"):
        found = part.split()
        if not _TALK.issuperset(found) and " ".join(found) not in _TALK:
            return False
    return True


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


_ROUTES = {
    reason: Route(simple=reason in {Reason.SMALL_TALK, Reason.SHORT}, reason=reason)
    for reason in Reason
}
_LAYOUT = re.compile(r"[\n\r`<>{}\[\]|\\@]|://|www\.")
_SUM = re.compile(r"\d\s*[-+*/^%=×÷]|[-+*/^%=×÷]\s*\d")  # noqa: RUF001 - the signs of sums
_MARKS = frozenset("\n\r`<>{}[]|\\@:.0123456789")  # without one of these neither is there
_STOPS = ".,;:!?…¡¿"
# Phones write the apostrophe of a printer.
_PLAIN = str.maketrans({**dict.fromkeys(_STOPS, "|"), "\u2019": "'"})

_ESCALATE = _words(
    # English
    "why how explain compare difference code error debug bug fix write draft plan translate"
    " summarize summarise list step steps calculate solve prove analyze analyse review rewrite"
    " essay story poem recipe design build create python sql regex"
    # German
    " warum wieso weshalb wie erkläre erklär vergleiche unterschied fehler schreib schreibe"
    " entwirf plane übersetze übersetz zusammenfassung liste schritt schritte berechne rechne löse"
    " beweise prüfe verbessere aufsatz geschichte gedicht rezept erstelle programmiere"
    # Spanish
    " porqué cómo como explica explícame compara diferencia código escribe redacta planea plan"
    " traduce resume lista paso pasos calcula resuelve demuestra analiza revisa corrige ensayo"
    " cuento poema receta diseña crea programa"
    # French
    " pourquoi comment explique expliquez compare comparez différence erreur écris écrivez"
    " rédige traduis traduisez résume liste étape étapes calcule résous prouve analyse corrige"
    " dissertation histoire poème recette conçois crée programme"
    # Portuguese
    " porquê porque explique explica compare diferença código erro escreva escreve redija planeje"
    " traduza traduz resuma lista passo passos calcule calcula resolva prove analise revise corrija"
    " redação conto receita projete crie programe"
)
# Whole parts of a sentence, and words any number of which may stand together.
_TALK = _phrases(
    "good morning|good afternoon|good evening|good night|good day|thank you|thank you so much"
    "|thank you very much|thanks a lot|many thanks|see you|see you later|have a nice day|no way"
    "|all right|you're welcome|that's all|nice to meet you|got it|of course|not really"
    "|guten morgen|guten tag|guten abend|gute nacht|grüß gott|danke schön|danke sehr"
    "|vielen dank|besten dank|auf wiedersehen|bis bald|bis dann|schönen tag|alles klar"
    "|in ordnung|mach's gut|gern geschehen"
    "|buenos días|buenas tardes|buenas noches|muchas gracias|mil gracias|hasta luego"
    "|hasta mañana|hasta pronto|de nada|de acuerdo|por supuesto|claro que sí|está bien"
    "|bonne journée|bonne soirée|bonne nuit|merci beaucoup|merci bien|au revoir|à bientôt"
    "|à demain|de rien|d'accord|bien sûr|ça marche|s'il vous plaît|s'il te plaît"
    "|bom dia|boa tarde|boa noite|muito obrigado|muito obrigada|até logo|até amanhã|até mais"
    "|de nada|tudo bem|com certeza|está bem|por favor"
) | _words(
    "hi hello hey hiya howdy yo there thanks thx thank ty cheers yes yeah yep yup no nope nah ok"
    " okay sure please fine great cool nice perfect bye goodbye welcome lol haha"
    " hallo hi servus moin grüezi tschüss tschüs ciao danke bitte ja nein jo nö gut prima super"
    " toll klar genau"
    " hola buenas gracias sí si no vale adiós chao bueno bien perfecto genial claro"
    " bonjour bonsoir salut coucou merci oui non ouais parfait super génial voilà"
    " olá oi obrigado obrigada sim não tchau ótimo beleza perfeito legal"
    " 👍 👌 🙏 ❤️ ❤ 😊 🙂 😀 😄 😂 👋 🎉"
)
_BEGINS = frozenset(phrase.split()[0] for phrase in _TALK)
