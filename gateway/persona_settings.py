"""Who answers, where nobody chose, and what is done about answers that are not like them."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic import field_validator as check
from pydantic_settings import BaseSettings


class PersonaSettings(BaseSettings):
    """The part of `gateway.config.Settings` that is about personas.

    Whether there is such a persona, and what its files say, `gateway.persona_files.load` finds out.
    """

    persona: str | None = Field(
        None,
        description="set a persona's key, such as customer-support; `gateway personas check`"
        " lists them",
    )
    personas_dir: Path | None = Field(
        None, description="set the folder that your personas' TOML files are in"
    )
    persona_check: Literal["off", "note", "mend"] = Field(
        "note", description="set off, note or mend"
    )

    @check("persona_check", mode="before")
    @classmethod
    def _check_in_small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value
