"""A file as it comes in a form (`multipart/form-data`), and what it is called. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from adapters.web.errors import Refused
from core import names

FIELD = "file"
MOST_PARTS = 16
LONGEST_HEAD = 16 * 1024  # bytes of a part's headers

_PARAMETER = re.compile(
    r';\s*([A-Za-z0-9*_-]{1,40})\s*=\s*(?:"((?:\\["\\]|\\(?!["\\])|[^"\\])*)"|([^;\s]*))'
)
_ESCAPED = re.compile(r'\\(["\\])')


def file_in(body: bytes | bytearray, content_type: str) -> tuple[str, bytes]:
    """Name and content of the one part that is called `file`. Raises `Refused` (400)."""
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary or not boundary.isascii():
        raise _malformed()
    mark = b"\r\n--" + boundary.encode()
    # The first mark may have no line before it; what stands before that one is for nobody.
    _, *pieces = (b"\r\n" + body).split(mark, MOST_PARTS + 1)
    if not pieces or not pieces.pop().startswith(b"--"):
        raise _malformed()
    found = [(said, content) for said, content in map(_part, pieces) if said.get("name") == FIELD]
    if len(found) != 1:
        raise Refused(400, "invalid_request", "Send one part that is named file.", param=FIELD)
    [(said, content)] = found
    return said.get("filename", ""), content


def filename(disposition: str) -> str:
    """The file's name as `Content-Disposition` gives it, '' if it does not."""
    return _said(disposition).get("filename", "")


def tidy(name: str) -> str:
    """A file's name in one line, without the folders that it came from; '' if there is none."""
    line = names.plain(name.replace("\\", "/").rpartition("/")[2])
    return "" if line in {".", ".."} else line


def disposition(kind: str, name: str) -> str:
    """A `Content-Disposition` of the kind `inline` or `attachment` for a file of that name."""
    if not name:
        return kind
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _part(part: bytes) -> tuple[Mapping[str, str], bytes]:
    """What a part's headers say of it, and its content. Raises `Refused`."""
    end = part.find(b"\r\n\r\n", 0, LONGEST_HEAD)
    if end < 0:
        raise _malformed()
    for line in part[:end].decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return _said(value), part[end + 4 :]
    return {}, b""


def _said(disposition_: str) -> Mapping[str, str]:
    """A disposition's parameters; browsers and others escape signs of a file's name with `%`."""
    said = _parameters(disposition_)
    charset, _, extended = said.pop("filename*", "").partition("'")
    named = _unescaped(extended.partition("'")[2], charset)
    named = named or _unescaped(said.get("filename", ""), "utf-8")
    return {**said, "filename": named} if named else said


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header's value; of several of one name the first counts."""
    return {
        name.lower(): _ESCAPED.sub(r"\1", quoted) or token
        for name, quoted, token in reversed(_PARAMETER.findall(header))
    }


def _unescaped(text: str, charset: str) -> str:
    """The text without `%` escapes, '' if that is no text."""
    if charset.lower() not in {"utf-8", "iso-8859-1"}:
        return ""
    try:
        return unquote(text, charset, "strict")
    except UnicodeDecodeError:
        return ""


def _malformed() -> Refused:
    return Refused(400, "invalid_body", "The body is not the form that its headers say it is.")
