"""What a pair of brackets in Markdown is part of, and what becomes of it."""

import re
from dataclasses import dataclass, field

from adapters.slack.format.hosts import claims, leads_to, misleads, scheme
from adapters.slack.format.targets import Target, defined_at, encoded, target_at

LABEL = 300  # characters of a label that are held back until it's known what it labels
REPEATED = 120  # characters of a target that is shown wherever its name is used
HARMLESS = ("https://", "http://", "mailto:")
SCHEMES = frozenset({"", "http", "https", "mailto"})

# The beginning of a target that has no scheme.
_SCHEMELESS = re.compile(
    r"[ \t\r]*+(?:\n[ \t>]*+)?"
    r"(?:[^\s:&\\<A-Za-z]|[A-Za-z][^\s:&\\<()/?#\[\]]{0,40}+(?=[\s()/?#\[\]]))"
)
_CONTAINER = re.compile(r"[ \t>]*+(?:(?:[-+*]|\d{1,9}[.)])[ \t>]++)*+")
_REFERENCE = re.compile(r"\[([^\[\]]{0,300}+)(\]?)")
_TOKEN = re.compile(r"(?:https?|mailto|tel|slack):", re.IGNORECASE)


@dataclass(kw_only=True, slots=True)
class Page:
    """A text that is read from its beginning, and what was found in it so far.

    `edits` are replacements of spans. `named` has, by the name of a definition, the hosts that
    those who used it claimed to lead to; None for too many. `targets` are the definitions.
    """

    text: str
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    named: dict[str, frozenset[str] | None] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    literal: set[int] = field(default_factory=set)
    paragraph: int = 0
    doubt: int = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Bracket:
    """A label's brackets, `end` being where the text ends that is there so far."""

    start: int
    label: str
    close: int
    end: int
    growing: bool
    live: bool  # whether its opening bracket is held back still


def after_label(page: Page, bracket: Bracket) -> int | None:
    """Where to read on after a label; None as long as nobody knows what it labels."""
    following = bracket.close + 1
    if following == bracket.end:
        return None if bracket.growing else _named(page, bracket)
    mark = page.text[following]
    if mark == "(":
        return _linked(page, bracket)
    if mark == "[" and claims(bracket.label):
        return _referred(page, bracket)
    if mark == ":" and _may_define(page.text, bracket.start):
        return _defined(page, bracket)
    return _named(page, bracket)


def _linked(page: Page, bracket: Bracket) -> int | None:
    """A label, and in parentheses where it leads."""
    text, following = page.text, bracket.close + 1
    if not claims(bracket.label):
        begun = text[following + 1 : min(following + 9, bracket.end)].lower()
        if begun.startswith(HARMLESS) or _SCHEMELESS.match(text, following + 1, bracket.end):
            return following
    target = target_at(text, following + 1, bracket.end, growing=bracket.growing)
    if target is None:
        return None
    odd = scheme(target.address) not in SCHEMES
    if not odd and (not target.address or not misleads(bracket.label, target.address)):
        return _kept(page, target, following)
    if target.close is None:
        page.edits.append((following, following, " "))
        return following
    ticks = "`" if odd else ""
    _parted(page, bracket, target.close, f"({ticks}{encoded(target.address)}{ticks})")
    return target.close


def _parted(page: Page, bracket: Bracket, end: int, target: str) -> None:
    """Show a label and its target side by side."""
    following = bracket.close + 1
    if bracket.live:
        first = page.text.index("[", bracket.start) + 1
        page.edits.append((bracket.start, first, ""))
        page.edits.append((bracket.close, end, f" {target}"))
    else:
        page.edits.append((following, end, f" {target}"))


def _kept(page: Page, target: Target, position: int) -> int:
    """A good link stays, without angles that would be taken for a token's."""
    if not target.angled or not _TOKEN.match(target.address):
        return position
    page.edits.append((target.start, target.end, encoded(target.address)))
    return target.end


def _referred(page: Page, bracket: Bracket) -> int | None:
    """A label that claims to lead somewhere, and in brackets the name of where it leads."""
    text, following = page.text, bracket.close + 1
    found = _REFERENCE.match(text, following, bracket.end)
    if found is None or not found[2]:
        if found and bracket.growing and found.end() == bracket.end:
            return None
        return _named(page, bracket)
    name = _key(found[1].strip() or bracket.label)
    target = page.targets.get(name)
    if target is not None and misleads(bracket.label, target):
        if len(target) <= REPEATED:
            _parted(page, bracket, found.end(), f"({encoded(target)})")
            return found.end()
        page.edits.append((following, following, " "))
    _note(page, name, bracket.label)
    return _named(page, bracket)


def _named(page: Page, bracket: Bracket) -> int:
    """A label by itself, which is a link if it is defined."""
    if not claims(bracket.label):
        return bracket.close + 1
    target = page.targets.get(_key(bracket.label))
    if target is not None and misleads(bracket.label, target):
        if bracket.live and len(target) <= REPEATED:
            _parted(page, bracket, bracket.close + 1, f"({encoded(target)})")
        else:
            page.edits.append((bracket.close, bracket.close, "\\"))
    _note(page, _key(bracket.label), bracket.label)
    return bracket.close + 1


def _may_define(text: str, start: int) -> bool:
    line = text.rfind("\n", max(0, start - LABEL), start) + 1
    return text[start] == "[" and _CONTAINER.fullmatch(text, line, start) is not None


def _defined(page: Page, bracket: Bracket) -> int | None:
    """A label that is defined to lead somewhere."""
    following = bracket.close + 1
    target = defined_at(page.text, following + 1, bracket.end, growing=bracket.growing)
    if target is None:
        return None
    if target.close is None:
        return _named(page, bracket)
    name = _key(bracket.label)
    claimed = page.named.get(name, frozenset())
    misled = claimed is None or (claimed and claimed != leads_to(target.address))
    if misled or scheme(target.address) not in SCHEMES:
        page.edits.append((following, following, " "))  # so it defines nothing
        return following
    page.targets.setdefault(name, target.address)
    return _kept(page, target, following)


def _note(page: Page, name: str, label: str) -> None:
    claimed = claims(label)
    if page.named.setdefault(name, claimed) != claimed:
        page.named[name] = None


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
