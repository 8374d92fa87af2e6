"""What a file is, by its own first bytes: names and headers may say anything. Pure."""

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
# Text that a browser or an office would do something with; a model reads it as well as any.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))


def kind_of(content: bytes) -> str | None:
    """One of `SHOWN`, or None for what no model can be shown."""
    for begin, kind in _BEGINS:
        if content.startswith(begin):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if b"%PDF-" in content[:_PDF_WITHIN]:
        return PDF
    return TEXT if content and _is_text(content) else None


def most(kind: str) -> int:
    """How many bytes a file of a kind in `SHOWN` may have."""
    if kind in IMAGES:
        return LARGEST_IMAGE
    return LARGEST_TEXT if kind == TEXT else LARGEST


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return len(content.translate(None, _CONTROLS)) == len(content)
