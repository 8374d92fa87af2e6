"""What of a long conversation is worth keeping word for word, by rules alone: no model is asked."""

import re
from collections.abc import Iterable, Sequence

KEPT = 20  # messages at most
LONGEST = 400  # characters of one
LATER = 1.0  # points by which the newest stands above the oldest, all else being equal

# What people say of themselves, and what they want to be kept to. English, German, Spanish, French
# and Portuguese; other languages are judged by the other marks.
_SELF = re.compile(
    r"\b(my|i am|i'm|i have|i live|i work|call me|mein|meine|ich bin|ich heiße|ich habe|ich wohne|"
    r"mi|soy|me llamo|tengo|vivo|mon|ma|je suis|je m'appelle|j'ai|j'habite|meu|minha|sou|"
    r"me chamo|tenho|moro)\b",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(remember|don't forget|keep in mind|note that|always|never|must|prefer|important|deadline|"
    r"allerg\w*|merk dir|denk daran|immer|nie|"
    r"niemals|wichtig|lieber|recuerda|siempre|nunca|prefiero|importante|rappelle-toi|toujours|"
    r"jamais|préfère|important|lembre|sempre|prefiro)\b",
    re.IGNORECASE,
)
# Who they are outlives all else that they say.
_CALLED = re.compile(
    r"\b(my name is|call me|mein name ist|ich heiße|mi nombre es|me llamo|je m'appelle|"
    r"mon nom est|meu nome é|me chamo)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_NAME = re.compile(r"(?<=[a-zà-ÿ,] )[A-ZÀ-Ý][\w'-]+")
_LINE = re.compile(r"- (user|assistant|earlier): (.*)")
_MOMENT = re.compile(r"\A\[[^\]]*\] ?")
_SENTENCE = re.compile(r"(?<=[.!?…;])\s+|(?<=[。\uff01\uff1f])")

Said = tuple[str, str]
"""Who (`user`, `assistant`, or `earlier` for a summary of what they said), and what."""


def extract(before: str | None, said: Iterable[Said]) -> str:
    """The messages that score highest, in their order, a line each; `before` is an older extract.

    The same messages give the same text.
    """
    all_ = [*_parsed(before or ""), *said]
    lines = [(role, " ".join(text.split())) for role, text in all_]
    scored = [(_score(lines, at), at) for at in range(len(lines)) if lines[at][1]]
    kept = sorted(at for _, at in sorted(scored, reverse=True)[:KEPT])
    return "\n".join(f"- {lines[at][0]}: {_cut(lines[at][1])}" for at in kept)


def _parsed(extracted: str) -> list[Said]:
    """What an older extract holds; of a summary that a model wrote, its sentences."""
    found: list[Said] = []
    for line in extracted.splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            found.append((match[1], match[2]))
        else:
            found += [("earlier", each) for each in _SENTENCE.split(line.strip("-*#• \t")) if each]
    return found


def _score(said: Sequence[Said], at: int) -> float:
    role, text = said[at][0], _MOMENT.sub("", said[at][1], count=1)
    points = LATER * at / len(said)
    if role != "assistant":
        points += 1 if role == "user" else 2  # a model has found it worth keeping before
        points += 3 * bool(_SELF.search(text)) + 3 * bool(_WISH.search(text))
        points += 6 * bool(_CALLED.search(text))
    points += 1.5 * bool(_FIGURE.search(text)) + bool(_NAME.search(text))
    if len(text) < 12:  # thanks, yes, hello
        points -= 2
    return points


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
