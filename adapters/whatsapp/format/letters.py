"""What a text's characters are to WhatsApp, and to the marks beside them."""

import re
import unicodedata

from core.text import clean

OPENING = frozenset("([{<«“‘„「『（［｛【《〈〔")  # noqa: RUF001 - as they are written
CLOSING = frozenset(':.!?…"”’»」』】》〉〕：。！？')  # noqa: RUF001 - as they are written

_CONTROLS = {code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"}
_SHOWN = {**_CONTROLS, 0x200B: None, 0x2060: None, 0xFEFF: None, 0xA0: " "}
_SPACELESS = re.compile(
    "[\u2e80-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]"
)
_CODE = re.compile("`{3,}|~{3,}")
_JOINER = "\u200d"
_EXTENDING = re.compile(
    "[\u200c\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
_SYLLABLE = re.compile(  # of Korean, by its parts
    "[\u1100-\u115f\ua960-\ua97c][\u1100-\u11a7\ua960-\ua97c\uac00-\ud7c6]"
    "|[\u1160-\u11a7\uac00-\ud7c6][\u1160-\u11ff\ud7b0-\ud7fb]"
    "|[\u11a8-\u11ff\ud7cb-\ud7fb][\u11a8-\u11ff\ud7cb-\ud7fb]"
)
_VIRAMA = 9  # what makes one letter of two, in the scripts of India
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]+\\Z")


def visible(text: str) -> str:
    """A text without what is not seen, but for what joins letters and emoji."""
    return clean(text).translate(_SHOWN)


def spaceless(letter: str) -> bool:
    """Whether it is a letter of Chinese or Japanese, which are written without spaces."""
    return letter.isalnum() and _SPACELESS.match(letter) is not None


def unfenced(text: str) -> str:
    """A text that nobody takes for the beginning or the end of code."""
    return _CODE.sub(lambda run: ("'" if run[0][0] == "`" else "∼") * len(run[0]), text)  # noqa: RUF001 - looks alike


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def joined(text: str, place: int) -> bool:
    """Whether a letter, as readers see it, has parts on both sides of a place within a text."""
    before, after = text[place - 1], text[place]
    if after.isascii():
        return before + after == "\r\n"
    return (
        _JOINER in (before, after)
        or unicodedata.category(after) in {"Mn", "Mc", "Me"}
        or _EXTENDING.match(after) is not None
        or _SYLLABLE.match(before + after) is not None
        or (unicodedata.combining(before) == _VIRAMA and after.isalpha())
        or (_FLAG.match(after) is not None and _letters_of_flags(text, place) % 2 == 1)
    )


def _letters_of_flags(text: str, place: int) -> int:
    """How many of the letters that flags are made of end there, in pairs but for the last."""
    found = _FLAG.search(text[max(0, place - 100) : place])
    return len(found[0]) if found else 0
