"""The part of the environment that says which Slack app the gateway answers for."""

from typing import Any, Literal, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic import field_validator as check
from pydantic_settings import BaseSettings

from gateway.bases import bases, is_base
from gateway.checks import is_plain, listed
from gateway.web_settings import Secrets

SLACK_API = "https://slack.com/api/"
SHORTEST_SIGNING_SECRET = 8


class SlackSettings(BaseSettings):
    """Each field is checked with those above it in view: what is at fault there is not there.

    A validator's name must differ from those of the other parts of the settings: of two that
    have the same, only one would be asked.
    """

    slack_bot_token: SecretStr | None = Field(
        None,
        description="set the Bot User OAuth Token (xoxb-…), as the app's page shows it under"
        " OAuth & Permissions once the app is installed",
    )
    slack_client_id: str | None = Field(
        None,
        description="set the Client ID from the app's Basic Information, and leave out"
        " SLACK_BOT_TOKEN; or leave this out, for one workspace",
    )
    slack_client_secret: SecretStr | None = Field(
        None,
        validate_default=True,
        description="set both SLACK_CLIENT_ID and SLACK_CLIENT_SECRET as the app's Basic"
        " Information shows them, or neither",
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description="set an App-Level Token (xapp-…) with the scope connections:write, from the"
        " app's Basic Information, beside SLACK_BOT_TOKEN",
    )
    slack_signing_secret: Secrets = Field(
        (),
        repr=False,
        validate_default=True,
        description="set the Signing Secret from the app's Basic Information (new,old while you"
        " change it) beside SLACK_BOT_TOKEN; or use Socket Mode: set SLACK_APP_TOKEN beside it",
    )
    encryption_key: Secrets = Field(
        (),
        repr=False,
        validate_default=True,
        description="set what `gateway token --encryption-key` prints (new,old while you change"
        " it)",
    )
    public_url: str | None = Field(
        None,
        validate_default=True,
        description="set the https:// address under which the world reaches this server, such as"
        " https://chat.example.org (several with commas: what others are told is the first)",
    )
    _public_urls: tuple[str, ...] = PrivateAttr(())
    slack_api_url: str = Field(SLACK_API, description=f"set {SLACK_API}, or leave it out")
    slack_dm: Literal["threads", "classic"] = Field("threads", description="set threads or classic")

    @property
    def public_urls(self) -> tuple[str, ...]:
        """All addresses under which the world reaches this server, `public_url` first."""
        return self._public_urls

    @property
    def slack_on(self) -> bool:
        """Whether there is a Slack app to answer for."""
        return self.slack_bot_token is not None or self.slack_installs

    @property
    def slack_socket(self) -> bool:
        """Whether events come over a connection that we open, and not to `public_url`."""
        return self.slack_app_token is not None

    @property
    def slack_installs(self) -> bool:
        """Whether many workspaces may install the app, each with a token of its own."""
        return self.slack_client_id is not None

    @model_validator(mode="wrap")
    @classmethod
    def _keep_all_addresses(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(data)
        given = data.get("PUBLIC_URL", data.get("public_url"))
        made._public_urls = bases(given)  # noqa: SLF001 - its own
        return made

    @check("slack_dm", mode="before")
    @classmethod
    def _dm_in_any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @check("slack_signing_secret", "encryption_key", mode="before")
    @classmethod
    def _new_and_old(cls, value: object) -> object:
        return listed(value)

    @check("slack_bot_token")
    @classmethod
    def _bot_token(cls, token: SecretStr) -> SecretStr:
        return _token(token, "xoxb-", "a bot's token")

    @check("slack_client_id")
    @classmethod
    def _client_id(cls, value: str, info: ValidationInfo) -> str:
        if not is_plain(value):
            raise ValueError("holds a space or a sign that no client ID has")
        if _named(info, "slack_bot_token"):
            raise ValueError(
                "is set together with SLACK_BOT_TOKEN, which is for one workspace, while this is"
                " for many"
            )
        return value

    @check("slack_client_secret")
    @classmethod
    def _client_secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None and _many(info):
            raise ValueError("is missing: SLACK_CLIENT_ID is there, and is of no use without")
        if secret is not None and not is_plain(secret.get_secret_value()):
            raise ValueError("holds a space, a line break or a sign that no secret has")
        if secret is not None and not _named(info, "slack_client_id"):
            raise ValueError("is set without SLACK_CLIENT_ID")
        return secret

    @check("slack_app_token")
    @classmethod
    def _app_token(cls, token: SecretStr, info: ValidationInfo) -> SecretStr:
        found = _token(token, "xapp-", "an app's token")
        if not _some_app(info):
            raise ValueError("is set without SLACK_BOT_TOKEN, so nothing could be answered")
        return found

    @check("slack_signing_secret")
    @classmethod
    def _signing(
        cls, secrets: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        _two_at_most(secrets)
        for secret in secrets:
            value = secret.get_secret_value()
            if not is_plain(value) or len(value) < SHORTEST_SIGNING_SECRET:
                raise ValueError("is no signing secret: those are 32 digits and letters a to f")
        other = _named(info, "slack_app_token")
        if not secrets and not other and _some_app(info):
            raise ValueError("is missing: without it anybody could send events in Slack's name")
        if secrets and not other and not _some_app(info):
            raise ValueError("is set without SLACK_BOT_TOKEN, so nothing could be answered")
        return secrets

    @check("encryption_key")
    @classmethod
    def _encryption(
        cls, keys: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        _two_at_most(keys)
        if not keys and _many(info):
            raise ValueError(
                "is missing: SLACK_CLIENT_ID is there, and the workspaces' tokens are stored"
                " encrypted"
            )
        for key in keys:
            _check_key(key.get_secret_value())
        return keys

    @check("public_url")
    @classmethod
    def _public(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            if _many(info):
                raise ValueError(
                    "is missing: SLACK_CLIENT_ID is there, and Slack sends people back to it"
                )
            if _named(info, "twilio_account_sid"):
                raise ValueError(
                    "is missing: TWILIO_ACCOUNT_SID is there, and Twilio signs what it sends here"
                )
            return None
        addresses = bases(value)
        if not addresses or not all(map(is_base, addresses)):
            raise ValueError(
                "is not the https:// address of a server, with a path at most (http:// for this"
                " machine only)"
            )
        return addresses[0]

    @check("slack_api_url")
    @classmethod
    def _slack_api(cls, value: str) -> str:
        if not is_base(value):
            raise ValueError(
                "is not an https:// address, and whoever reads along on the way has the token"
            )
        return value.rstrip("/") + "/"


def _token(token: SecretStr, prefix: str, noun: str) -> SecretStr:
    value = token.get_secret_value()
    if not value.startswith(prefix):
        raise ValueError(f"is not {noun}, which begins {prefix}")
    if not is_plain(value) or value == prefix:
        raise ValueError("holds a space, a line break or a sign that no token has")
    return token


def _two_at_most(secrets: tuple[SecretStr, ...]) -> None:
    if len(secrets) > 2:
        raise ValueError("has more than two entries: the new one and the old are enough")


def _check_key(value: str) -> None:
    from adapters.slack.sealing import BadKey, read_keys  # noqa: PLC0415 - loaded if there is one

    try:
        read_keys(value)
    except BadKey:
        raise ValueError("is not 32 bytes in base64") from None


def _named(info: ValidationInfo, name: str) -> bool:
    """Whether a field above has a value; one with a fault was given too, and has been told of."""
    return name not in info.data or bool(info.data[name])


def _many(info: ValidationInfo) -> bool:
    # With a bot's token besides, it is not decided yet: that has been told, and is enough.
    return _named(info, "slack_client_id") and not _named(info, "slack_bot_token")


def _some_app(info: ValidationInfo) -> bool:
    # A client secret on its own has been told of, and means that there is to be an app.
    return any(
        _named(info, name) for name in ("slack_bot_token", "slack_client_id", "slack_client_secret")
    )
