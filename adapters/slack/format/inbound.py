"""What people write in Slack, as Markdown for a model."""

import re
from collections.abc import Callable, Mapping

from adapters.slack.format.events import words_of

__all__ = ["markdown_of", "mentioned", "words_of"]

NAME = 80  # characters of a name

# Slack escapes what people type: each < in a text begins a token of its own.
_CODE = re.compile(r"```(.*?)```|`([^`\n]+)`", re.DOTALL)
_TOKEN = re.compile(r"<([^<>]*)>")
_MARKED = re.compile(
    r"<([^<>]*)>"
    r"|(?<![\w*])\*(?=\S)((?:<[^<>]*>|[^*<>\n])+?)(?<!\s)\*(?![\w*])"
    r"|(?<![\w~])~(?=\S)((?:<[^<>]*>|[^~<>\n])+?)(?<!\s)~(?![\w~])"
)
_ENTITY = re.compile(r"&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_UNNAMED = re.compile(r"<@([A-Z0-9]+)>")
_EVERYBODY = frozenset({"here", "channel", "everyone"})

_Shown = Callable[[str], str]


def markdown_of(text: str, *, names: Mapping[str, str], bot_user: str | None) -> str:
    """A message as plain Markdown, with people and channels by their names.

    `names` are people's, by their ids. Where the message begins with the bot's own name, that is
    left out. What is escaped is unescaped once. Tokens in code are text there too, as their writer
    saw it.
    """

    def shown(token: str) -> str:
        return _shown(token, names, bot_user)

    text = _unaddressed(text, bot_user)
    made = ""
    position = 0
    for code in _CODE.finditer(text):
        made += _prose(text[position : code.start()], shown)
        position = code.end()
        if code[1] is None or "\n" not in code[1]:
            made += _verbatim(code[0], shown)
        else:  # which a fence of Markdown's needs lines of its own for
            before = "\n" if made and not made.endswith("\n") else ""
            after = "\n" if text[position : position + 1] not in {"", "\n"} else ""
            inside = _verbatim(code[1], shown).strip("\n")
            made += f"{before}```\n{inside}\n```{after}"
    return made + _prose(text[position:], shown)


def mentioned(text: str) -> list[str]:
    """The ids of those whose names a text needs, each once, in its order."""
    return list(dict.fromkeys(_UNNAMED.findall(text)))


def _unaddressed(text: str, bot_user: str | None) -> str:
    if bot_user is None:
        return text
    found = re.match(rf"\s*<@{re.escape(bot_user)}(?:\|[^<>]*)?>[\s,:]*", text)
    return text[found.end() :] if found else text


def _prose(text: str, shown: _Shown) -> str:
    """Words with Markdown's marks, and tokens as words."""

    def instead(found: re.Match[str]) -> str:
        token, bold, struck = found.groups()
        if bold is not None:
            return f"**{_prose(bold, shown)}**"
        if struck is not None:
            return f"~~{_prose(struck, shown)}~~"
        return shown(token)

    return _replaced(_MARKED, text, instead)


def _verbatim(text: str, shown: _Shown) -> str:
    return _replaced(_TOKEN, text, lambda found: shown(found[1]))


def _replaced(pattern: re.Pattern[str], text: str, instead: Callable[[re.Match[str]], str]) -> str:
    """A text with something instead of what matches, and the rest of it unescaped."""
    parts: list[str] = []
    position = 0
    for found in pattern.finditer(text):
        parts += (_unescaped(text[position : found.start()]), instead(found))
        position = found.end()
    return "".join([*parts, _unescaped(text[position:])])


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)


def _shown(token: str, names: Mapping[str, str], bot_user: str | None) -> str:
    """What stands between angles, as a person reads it."""
    body, _, label = map(_unescaped, token.partition("|"))
    kind, rest = body[:1], body[1:]
    if kind == "@":
        nobody = "you" if rest == bot_user else "someone"
        return _called("@", names.get(rest) or label or nobody)
    if kind == "#":
        return _called("#", label or "channel")
    if kind == "!":
        return _special(rest, label)
    return _link(body, label)


def _called(mark: str, name: str) -> str:
    return mark + " ".join(name.split())[:NAME].removeprefix(mark)


def _special(body: str, label: str) -> str:
    kind = body.partition("^")[0]
    if kind == "subteam":
        return _called("@", label or "group")
    if kind in _EVERYBODY or not label:
        return _called("@", kind)
    return label  # a date, and whatever else there may be


def _link(target: str, label: str) -> str:
    scheme, _, rest = target.partition(":")
    if scheme in {"mailto", "tel"} and (not label or label == rest):
        return rest
    if not label or label == target:
        return target
    words = label.replace("[", "\\[").replace("]", "\\]")
    return f"[{words}](<{target}>)" if re.search(r"[\s()]", target) else f"[{words}]({target})"
