"""What the model is shown of a conversation, and who sums up what is not."""

from typing import Literal

from pydantic import Field
from pydantic import field_validator as check
from pydantic_settings import BaseSettings

from gateway.checks import is_plain


class MemorySettings(BaseSettings):
    """The part of `gateway.config.Settings` that is about memory."""

    context_strategy: Literal["summary", "importance", "window", "full"] = Field(
        "summary", description="set summary, importance, window or full"
    )
    context_facts: Literal["on", "off"] = Field(
        "on", description="set off, and the model is not told when, where and by whom"
    )
    model_summary: str | None = Field(
        None, description="set the name of a cheap model, such as claude-haiku-5-5"
    )

    @check("context_strategy", "context_facts", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @check("model_summary")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if not is_plain(value) or "," in value:
            raise ValueError("is not the name of a model")
        return value
