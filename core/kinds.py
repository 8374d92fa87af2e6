"""What a file is, by its own first bytes: names and headers may say anything. Pure."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PDF = "application/pdf"
TEXT = "text/plain"
SHOWN = IMAGES | {PDF, TEXT}
READABLE = "images (PNG, JPEG, GIF, WebP), PDFs and plain text"

# Bytes. A model's provider takes no larger image; and all of a text would be in its prompt.
LARGEST = 16 * 1024 * 1024
LARGEST_IMAGE = 5 * 1024 * 1024
LARGEST_TEXT = 64 * 1024

_BEGINS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", PDF),
)
_PDF_WITHIN = 1024  # bytes at the beginning that readers skip in search of a PDF's first mark
_HALVES = (b"\x89PNG", b"\xff\xd8")  # pictures that are broken: letters of no text, either
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
_MOST_TEXT = 2 * LARGEST_TEXT + 2  # bytes: no text that fits has more, in any charset
# Windows-1252 makes letters of nearly all bytes; what has more of the upper ones than words of
# Western Europe have is in another charset, or no text.
_FEW = 8  # such bytes, of which any text may have that many
_UPPER = bytes(range(128, 256))
# Text that a browser or an office would do something with; a model reads it as well as any.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def kind_of(content: bytes) -> str | None:
    """One of `SHOWN`, or None for what no model can be shown."""
    for begin, kind in _BEGINS:
        if content.startswith(begin):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if b"%PDF-" in content[:_PDF_WITHIN]:
        return PDF
    return TEXT if _charset(content) else None


def most(kind: str) -> int:
    """How many bytes a file of a kind in `SHOWN` may have."""
    if kind in IMAGES:
        return LARGEST_IMAGE
    return LARGEST_TEXT if kind == TEXT else LARGEST


def normal(kind: str, content: bytes) -> bytes:
    """A file of that kind as it is kept: a text in UTF-8, unless it is too long for one anyway."""
    charset = _charset(content) if kind == TEXT and len(content) <= _MOST_TEXT else None
    if charset is None or charset == "utf-8":
        return content
    return content.decode(charset).encode()


def _charset(content: bytes) -> str | None:
    """What a text is written in, by as much of it as a text may have; None for what is no text."""
    charsets = ("utf-16",) if content.startswith(_UTF16) else ("utf-8", "cp1252")
    beginning, is_all = content[:_MOST_TEXT], len(content) <= _MOST_TEXT
    for charset in charsets:
        try:
            text = getincrementaldecoder(charset)().decode(beginning, is_all)
        except UnicodeDecodeError:
            continue
        wrong = not text or _CONTROL.search(text) or (charset == "cp1252" and _is_odd(beginning))
        return None if wrong else charset
    return None


def _is_odd(content: bytes) -> bool:
    """Whether Windows-1252 makes a text of what is none in it."""
    upper = len(content) - len(content.translate(None, _UPPER))
    return content.startswith(_HALVES) or (upper > _FEW and upper * 2 > len(content))
