"""The environment, read and checked once. Nothing else in the gateway reads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasGenerator, Field, SecretStr, ValidationError
from pydantic import field_validator as check
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from core.database import parse_url
from core.errors import Misconfigured
from gateway.checks import is_plain, is_server, listed
from gateway.memory_settings import MemorySettings
from gateway.money_settings import MoneySettings
from gateway.persona_settings import PersonaSettings
from gateway.slack_settings import SlackSettings
from gateway.web_settings import Names, WebSettings
from gateway.whatsapp_settings import WhatsAppSettings

ENV_FILE = Path(".env")
SUMMARY = "claude-haiku-5-5"
FALLBACKS = ("claude-opus-5-5", "claude-haiku-5-5")
PROMPT = (
    "You are a helpful assistant who answers people in a chat. Reply in the language of the"
    " question, briefly and to the point; go into detail when asked to. Use simple Markdown where"
    " it makes an answer easier to read. If you do not know something, say so."
)
ANTHROPIC_HOST = "api.anthropic.com"

# What is wrong with a value, by pydantic's name for it. None of these repeat the value:
# a secret that was pasted into the wrong variable must not end up in a log.
WRONG = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "literal_error": "is not a known value",
}

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(
    WebSettings, SlackSettings, WhatsAppSettings, MemorySettings, PersonaSettings, MoneySettings
):
    """What the gateway was told, checked. Made by `load`; by hand, it reads no environment.

    A field's description says how to mend its variable, which is the field's name in capitals.
    """

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=str.upper),
        validate_by_name=True,
        case_sensitive=True,
        env_ignore_empty=True,
        str_strip_whitespace=True,
        validate_default=False,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    port: int = Field(
        8000, ge=0, le=65535, description="set a port, such as 8000 (0 takes a free one)"
    )
    compat_ports: Annotated[tuple[Port, ...], NoDecode] = Field(
        (), description="set further ports from 1 to 65535, such as 3000,8080"
    )
    database_url: str = Field(
        "sqlite:///data/gateway.db",
        repr=False,  # it may hold a password
        description="set sqlite:///data/gateway.db or postgresql://user:password@host/name, with"
        " %40 %3A %2F %23 for any @ : / # in the password",
    )
    anthropic_api_key: SecretStr | None = Field(
        None, description="set the key as the provider's console shows it"
    )
    anthropic_base_url: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description=f"set a URL such as https://{ANTHROPIC_HOST} or http://127.0.0.1:11434",
    )
    model_api: Literal["auto", "anthropic", "compatible"] = Field(
        "auto", description="set auto, anthropic or compatible"
    )
    model: str = Field("claude-sonnet-5-5", description="set one model's name")
    model_fallbacks: Names | None = Field(
        None, description="set models' names, such as claude-opus-5-5,claude-haiku-5-5, or none"
    )
    system_prompt: str = Field(PROMPT, description="set the text that opens every conversation")
    session_ttl: int = Field(86400, ge=1, description="set whole seconds, such as 86400 for a day")
    shutdown_grace: float = Field(
        20, ge=0, allow_inf_nan=False, description="set seconds, such as 20"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="set debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="set auto, console or json"
    )

    @property
    def demo(self) -> bool:
        """Whether answers come from the offline demo model: nothing says where a model is."""
        return self.anthropic_api_key is None and self.anthropic_base_url is None

    @property
    def full_body(self) -> bool:
        """Whether the model's server understands all that Anthropic's own does."""
        return self.model_api == "anthropic" or (self.model_api == "auto" and self._at_anthropic)

    @property
    def models(self) -> tuple[str, ...]:
        """The models to ask, the first choice first, none twice."""
        fallbacks = self.model_fallbacks
        if fallbacks is None:
            # Another server knows its own models only, and the operator has named the one.
            elsewhere = not self._at_anthropic and "model" in self.model_fields_set
            fallbacks = () if elsewhere else FALLBACKS
        return tuple(dict.fromkeys((self.model, *fallbacks)))

    @property
    def summary_models(self) -> tuple[str, ...]:
        """The models that sum up what was said, the first choice first."""
        own = self.model_summary or (SUMMARY if self._at_anthropic else None)
        return tuple(dict.fromkeys(filter(None, (own, *self.models))))

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports to listen on, `PORT` first, none twice."""
        return tuple(dict.fromkeys((self.port, *self.compat_ports)))

    @property
    def _at_anthropic(self) -> bool:
        url = self.anthropic_base_url
        return url is None or urlsplit(url).hostname == ANTHROPIC_HOST

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - comes in as an argument
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in wins over the file; the process's own environment is not looked at."""
        return init_settings, dotenv_settings

    @check("model_api", "log_level", "log_format", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @check("compat_ports", "model_fallbacks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        names = listed(value)
        return () if names == ("none",) else names

    @check("database_url")
    @classmethod
    def _a_database(cls, value: str) -> str:
        try:
            url = parse_url(value)
        except (Misconfigured, ValueError):
            raise ValueError("is not an address of a SQLite file or a PostgreSQL server") from None
        if url.get_backend_name() == "sqlite" and url.host:
            raise ValueError("has a folder where a host would stand: begin it sqlite:///")
        return value

    @check("anthropic_api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        # HTTP clients quote a header that they refuse, and so would tell the key.
        if not is_plain(key.get_secret_value()):
            raise ValueError("holds a space, a line break or a sign that no key has")
        return key

    @check("anthropic_base_url")
    @classmethod
    def _a_base(cls, value: str) -> str:
        if not is_server(value):
            raise ValueError("is not an http:// or https:// address of a server")
        if value.rstrip("/").endswith("/v1"):
            raise ValueError("ends in /v1, which the client adds by itself: leave it out")
        return value.rstrip("/")

    @check("model", "model_fallbacks")
    @classmethod
    def _names(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for name in (value,) if isinstance(value, str) else value:
            if not is_plain(name) or "," in name:
                raise ValueError("is not the name of a model")
        return value


def load(environ: Mapping[str, str] = os.environ, env_file: Path | None = ENV_FILE) -> Settings:
    """Read the settings from `environ`, and from `env_file` what `environ` does not say.

    A variable that is empty counts as unset, and unknown ones are passed over.
    Raises `Misconfigured` with every fault, one a line, each naming its variable. The message
    never holds a value: it may be a secret, or one in the wrong place.
    """
    names = [field.upper() for field in Settings.model_fields]
    given = {name: environ[name] for name in names if environ.get(name, "").strip()}
    arguments: dict[str, Any] = {"_env_file": env_file, **given}
    try:
        return Settings(**arguments)
    except ValidationError as error:
        faults = [_sentence(fault) for fault in error.errors(include_input=False)]
    except (OSError, UnicodeDecodeError) as error:
        faults = [f"{env_file}: cannot be read ({type(error).__name__}). Make it UTF-8 text."]
    # Raised out here so that it drags no other error along, which would know the values.
    raise Misconfigured("\n".join(faults))


def _sentence(fault: ErrorDetails) -> str:
    variable, *entry = fault["loc"]
    field = Settings.model_fields[str(variable).lower()]
    wrong = WRONG.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    where = f"entry {int(entry[0]) + 1} " if entry else ""
    return f"{str(variable).upper()}: {where}{wrong}. To mend it, {field.description}."
