"""Whose a link is, and whose its label says that it is."""

import html
import re
import unicodedata
from functools import lru_cache

LONGEST = 253  # characters of a host's name

# Names that people read as a site's; whatever has two letters is a country's,
_NAMES = (
    "academy agency ai app bank biz blog business care center chat city click cloud club co com"
    " community company computer consulting corp credit design dev digital edu email energy"
    " engineering example exchange expert finance financial foundation fund gallery games gmbh"
    " gov group health help home host hosting inc info institute int internal io land law legal"
    " life link live llc local login ltd management market marketing media mil mobi money name"
    " net network news one onion online org page partners pay photos plus press pro properties"
    " rocks run school science security service services shop site social software solutions"
    " space store studio support systems team tech technology test tips today tools top trade"
    " training travel university us ventures video vip website wiki work works world xyz zone"
)
# unless it is how a file's name ends.
_FILES = "cc cs db fs go gz hs js jl kt ml md mk ps pl py rb rc rs sh tf ts vb vi xz"
_ENDINGS, _NO_ENDINGS = frozenset(_NAMES.split()), frozenset(_FILES.split())
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_IMAGE = re.compile(r"!\[([^\[\]]{0,300}+)\]\([^()]{0,2000}+\)")
_MARKS = str.maketrans("", "", "*_~`")
_DOTS = str.maketrans({"。": ".", "．": ".", "｡": ".", "\\": "/"})  # noqa: RUF001 - as browsers do
_AROUND = " \t\n<>()[]{}\"'.,;:!?|→←↗»«›‹“”„"  # noqa: RUF001 - what may stand around a domain
_LIKELY = re.compile(r"\.\w|:/|&")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_AUTHORITY = re.compile(r"(?:https?:|(?=//))/*([^/?#\s]*)")
_MAIL = re.compile(r"mailto:([^?#]*)")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}:/+|\bwww\.(?=\w))[^/?#\s<>()\[\]\"']+")
_DOMAIN = re.compile(
    r"(?:[^\s@/:]+@)?((?:[\w-]+\.)+([^\W\d_]{2,24}|xn--[\w-]+)|\d{1,3}(?:\.\d{1,3}){3})\.?"
    r"(?::\d+)?(?:[/?#]\S*)?"
)


def scheme(target: str) -> str:
    """The scheme of a link's target, in small letters; empty if it has none."""
    found = _SCHEME.match(_read(target))
    return found[1] if found else ""


def misleads(label: str, target: str) -> bool:
    """Whether a label reads as an address of another host than its target's."""
    claimed = claims(label)
    return bool(claimed) and claimed != leads_to(target)


@lru_cache(maxsize=512)  # a growing answer is looked at again and again
def claims(label: str) -> frozenset[str]:
    """The hosts whose a label says that it is: those of its URLs, or of the domain that it is."""
    if label.isascii() and not _LIKELY.search(label):
        return frozenset()
    text = _read(_IMAGE.sub(r"\1", label)).translate(_MARKS)
    hosts = {_host(found[0]) for found in _ADDRESS.finditer(text)}
    domain = _DOMAIN.fullmatch(text.strip(_AROUND))
    if domain is not None and _is_name(domain[2]):
        hosts.add(_name(domain[1]))
    return frozenset(hosts - {""})


@lru_cache(maxsize=512)
def leads_to(target: str) -> frozenset[str]:
    """The hosts that a target leads to; two where readers disagree on what is escaped in it."""
    readings = (_read(target), _plain(_bare(target)), _plain(target))
    return frozenset(_host(reading) for reading in readings)


def _is_name(ending: str | None) -> bool:
    """Whether what ends so reads as a domain."""
    if ending is None or ending in _ENDINGS or not ending.isascii() or ending.startswith("xn--"):
        return True
    return len(ending) == 2 and ending not in _NO_ENDINGS


def _read(text: str) -> str:
    """What a browser, or a person, makes of Markdown in the end."""
    return _plain(html.unescape(_bare(text)))


def _bare(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _plain(text: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return text.translate(_DOTS).strip().casefold()


def _host(address: str) -> str:
    """The host of an address that was read; empty if it has none."""
    if mail := _MAIL.match(address):
        return _name(mail[1]) if mail[1].count("@") == 1 else ""
    found = _AUTHORITY.match(address)
    if found is None:
        found = re.match(r"(?:[a-z][a-z0-9+.-]*:/+)?([^/?#\s]*)", address)
    return _name(found[1]) if found else ""


def _name(authority: str) -> str:
    """A host by its name alone, as it is looked up."""
    name = re.sub(r":\d*$", "", authority.rpartition("@")[2]).rstrip(".").removeprefix("www.")
    if len(name) > LONGEST:
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
