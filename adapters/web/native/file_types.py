"""What the native API takes and gives of files, as its description shows it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.web.fields import Name
from core.types import Part

Bytes = Annotated[str, Meta(extra_json_schema={"format": "binary"})]
MOST = 10  # of one message
Files = Annotated[
    list[Name],
    Meta(
        min_length=1,
        max_length=MOST,
        description="Uploads of the caller's, each once; none was sent before.",
        extra_json_schema={"uniqueItems": True},
    ),
]


class Form(msgspec.Struct):
    """A file, as pages send it."""

    file: Bytes


class Uploaded(msgspec.Struct):
    """A file that waits for its message. `type` is what it is, `size` in bytes."""

    id: str
    name: str
    type: str
    size: int


class Named(msgspec.Struct):
    """A file that came with a message, to be read at `/api/v1/uploads/{id}`."""

    id: str
    name: str


def named(parts: tuple[Part, ...]) -> list[Named]:
    """The files that came with a stored message."""
    return [Named(part["file"], part["name"]) for part in parts if part["type"] == "file"]
