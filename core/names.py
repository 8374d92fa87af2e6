"""What people call their files, as others may read it. Pure."""

from unicodedata import category

from core.text import clean

LONGEST = 200  # characters


def plain(name: str) -> str:
    """A file's name in one line, without signs that nobody sees; '' if nothing is left.

    Some of those turn the reading direction around, so that a name looks like another one.
    """
    seen = "".join(_seen(sign) for sign in clean(name))
    return " ".join(seen.split())[:LONGEST].rstrip()


def _seen(sign: str) -> str:
    match category(sign):
        case "Cc":
            return " "  # a line's end keeps words apart
        case "Cf":
            return ""
        case _:
            return sign
