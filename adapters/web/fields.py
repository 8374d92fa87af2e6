"""Fields that many bodies have, as the API's description shows them."""

from typing import Annotated

from msgspec import Meta

from adapters.web.wire import NAME_PATTERN, NAME_RULE

Words = Annotated[
    str, Meta(pattern=r"[^\s\x00]", description="A text with something to read in it.")
]
Name = Annotated[str, Meta(pattern=NAME_PATTERN, description=f"{NAME_RULE}.")]
