"""Write the API's description anew: `python -m gateway.openapi` after a route has changed."""

import asyncio
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from adapters.web.description.docs import DOCUMENT
from adapters.web.description.openapi import describe
from adapters.web.routing import routes_of
from gateway.app import build
from gateway.config import load


def document() -> dict[str, Any]:
    """The description of what this program serves."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = build(load({"DATABASE_URL": f"sqlite:///{Path(folder) / 'none.db'}"}, None))
        asyncio.run(gateway.database.close())
        return describe(routes_of(gateway.web.app), version=version("chat-gateway"))


def as_bytes(described: dict[str, Any]) -> bytes:
    """As it is committed: to be read, and to be compared line by line."""
    return msgspec.json.format(msgspec.json.encode(described), indent=1) + b"\n"


if __name__ == "__main__":
    DOCUMENT.write_bytes(as_bytes(document()))
