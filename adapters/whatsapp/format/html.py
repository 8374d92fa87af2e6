"""HTML's tags amid Markdown: what a reader would see of them."""

import html
import re

_NAMES = (
    "a abbr article b big blockquote body br caption center cite code dd del details div dl dt em"
    " figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li main"
    " mark nav ol p pre q s samp section small span strike strong sub summary sup table tbody td"
    " tfoot th thead title tr tt u ul var wbr"
)
_KNOWN = frozenset(_NAMES.split())
_VALUE = r"\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+"
# Attributes have values here: `a<b and c>d` is no tag to anybody who writes it.
_TAG = re.compile(
    rf"<(/?)([A-Za-z][A-Za-z0-9]*)((?:\s+(?:[\w:-]+\s*=\s*(?:{_VALUE})|open))*)\s*/?>"
)
_ATTRIBUTE = re.compile(rf"([\w:-]+)\s*=\s*({_VALUE})")
_INSTEAD = {"br": "\n", "sup": "^"}


def target(tag: str) -> str:
    """Where <a href=…> leads; empty if the tag is another one."""
    found = _TAG.fullmatch(tag)
    return _attributes(found[3]).get("href", "") if found and found[2].lower() == "a" else ""


def ends_link(tag: str) -> bool:
    """Whether the tag is </a>."""
    return tag[:3].lower() == "</a" and tag[3:].strip() == ">"


def shown(tag: str) -> str:
    """What stands in for a tag: nothing for those that are known, the tag itself for others."""
    found = _TAG.fullmatch(tag)
    if found is None or found[2].lower() not in _KNOWN:
        return "" if tag.startswith("<!--") else tag
    name = found[2].lower()
    if name != "img":
        return "" if found[1] else _INSTEAD.get(name, "")
    attributes = _attributes(found[3])
    alt, source = attributes.get("alt", ""), attributes.get("src", "")
    return f"{alt} ({source})" if alt and source else alt or source


def _attributes(text: str) -> dict[str, str]:
    found = (each.groups() for each in _ATTRIBUTE.finditer(text))
    return {name.lower(): html.unescape(value.strip("\"'")).strip() for name, value in found}
