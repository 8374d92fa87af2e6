"""The part of the environment that says which WhatsApp sender the gateway answers for."""

import re
from typing import Annotated, Literal
from unicodedata import category

import msgspec
from pydantic import Field, SecretStr, ValidationInfo
from pydantic import field_validator as check
from pydantic_settings import BaseSettings, NoDecode

from gateway.bases import is_base
from gateway.checks import is_plain, listed
from gateway.web_settings import Secrets

Words = Annotated[tuple[str, ...], NoDecode]

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_TEMPLATE = re.compile(r"HX[0-9a-fA-F]{32}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
LONGEST_WORD = 40
LONGEST_TEXT = 1_600  # UTF-16 units
UNSENDABLE = frozenset({"Cc", "Cs"})  # control signs, and halves of signs


class WhatsAppSettings(BaseSettings):
    """Each field is checked with those above it in view: what is at fault there is not there.

    A validator's name must differ from those of the other parts of the settings: of two that
    have the same, only one would be asked.
    """

    twilio_account_sid: str | None = Field(
        None, description="set the Account SID (AC and 32 digits) from Twilio's console"
    )
    twilio_auth_token: Secrets = Field(
        (),
        repr=False,
        validate_default=True,
        description="set the Auth Token from Twilio's console (new,old while you change it)",
    )
    twilio_shared_keys: Secrets = Field(
        (),
        repr=False,
        description="set the SharedKeys that Twilio signs with, each as id:secret, with commas"
        " between; or leave it out",
    )
    twilio_whatsapp_number: str | None = Field(
        None, description="set the sender's number, such as +14155238886 (the sandbox's)"
    )
    twilio_messaging_service_sid: str | None = Field(
        None,
        validate_default=True,
        description="set TWILIO_WHATSAPP_NUMBER, or this to a Messaging Service's SID (MG and 32"
        " digits)",
    )
    twilio_api_url: str | None = Field(
        None, description="leave it out, or set the https:// address of what stands for Twilio"
    )
    twilio_template_sid: str | None = Field(
        None,
        description="set an approved template's ContentSid (HX and 32 digits), or leave it out",
    )
    twilio_template_variables: Annotated[dict[str, str], NoDecode] = Field(
        {}, description='set JSON such as {"1": "Ada\'s shop"}, beside TWILIO_TEMPLATE_SID'
    )
    whatsapp_typing: Literal["on", "off"] = Field("on", description="set on or off")
    whatsapp_stop_words: Words = Field(
        ("stop", "stopall", "unsubscribe", "optout"), description="set words, such as stop,alto"
    )
    whatsapp_start_words: Words = Field(
        ("start", "unstop"), description="set words, such as start,alta"
    )
    whatsapp_help_words: Words = Field(
        (), description="set words, such as help,ayuda, beside WHATSAPP_HELP_TEXT; or leave it out"
    )
    whatsapp_help_text: str | None = Field(
        None,
        validate_default=True,
        description="set what is answered to WHATSAPP_HELP_WORDS (\\n for a line break), or leave"
        " both out",
    )

    @property
    def whatsapp_on(self) -> bool:
        """Whether there is a WhatsApp sender to answer for."""
        return self.twilio_account_sid is not None

    @property
    def twilio_shared(self) -> dict[str, str]:
        """The SharedKeys' secrets by the keys' ids."""
        pairs = (key.get_secret_value().partition(":") for key in self.twilio_shared_keys)
        return {name: secret for name, _, secret in pairs}

    @check(
        "twilio_auth_token",
        "twilio_shared_keys",
        "whatsapp_stop_words",
        "whatsapp_start_words",
        "whatsapp_help_words",
        mode="before",
    )
    @classmethod
    def _twilio_lists(cls, value: object) -> object:
        return listed(value)

    @check("whatsapp_typing", mode="before")
    @classmethod
    def _typing_in_any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @check("twilio_account_sid")
    @classmethod
    def _account_sid(cls, value: str) -> str:
        if not _ACCOUNT.fullmatch(value):
            raise ValueError("is no Account SID, which is AC and 32 digits or letters a to f")
        return value

    @check("twilio_auth_token")
    @classmethod
    def _auth_token(
        cls, tokens: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        there = _there(info, "twilio_account_sid")
        if there and not tokens:
            raise ValueError("is missing: TWILIO_ACCOUNT_SID is there, and is of no use without")
        if tokens and not there:
            raise ValueError("is set without TWILIO_ACCOUNT_SID")
        if len(tokens) > 2:
            raise ValueError("has more than two entries: the new one and the old are enough")
        if not all(is_plain(token.get_secret_value()) for token in tokens):
            raise ValueError("holds a space, a line break or a sign that no token has")
        return tokens

    @check("twilio_shared_keys")
    @classmethod
    def _shared_keys(
        cls, keys: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        pairs = [key.get_secret_value().partition(":") for key in keys]
        if not all(is_plain(name) and "=" not in name and is_plain(key) for name, _, key in pairs):
            raise ValueError("has an entry that is not a key's id and its secret, with : between")
        if len({name for name, *_ in pairs}) < len(pairs):
            raise ValueError("has two secrets for one id")
        _needs_account(info)
        return keys

    @check("twilio_whatsapp_number")
    @classmethod
    def _number(cls, value: str, info: ValidationInfo) -> str:
        number = value.removeprefix("whatsapp:").replace(" ", "")
        if not _NUMBER.fullmatch(number):
            raise ValueError("is no number in international form, which begins with +")
        _needs_account(info)
        return number

    @check("twilio_messaging_service_sid")
    @classmethod
    def _service(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not _SERVICE.fullmatch(value):
            raise ValueError("is no Messaging Service's SID")
        if value is not None:
            _needs_account(info)
        lacking = value is None and not _there(info, "twilio_whatsapp_number")
        if lacking and _there(info, "twilio_account_sid"):
            raise ValueError("is missing, and so is TWILIO_WHATSAPP_NUMBER: nothing could be sent")
        return value

    @check("twilio_template_sid")
    @classmethod
    def _template(cls, value: str, info: ValidationInfo) -> str:
        if not _TEMPLATE.fullmatch(value):
            raise ValueError("is no ContentSid, which is HX and 32 digits or letters a to f")
        _needs_account(info)
        return value

    @check("twilio_template_variables", mode="before")
    @classmethod
    def _variables(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        if not _there(info, "twilio_template_sid"):
            raise ValueError("is set without TWILIO_TEMPLATE_SID")
        try:
            return msgspec.json.decode(value, type=dict[str, str])
        except msgspec.MsgspecError:
            raise ValueError("is no JSON object with texts alone") from None

    @check("twilio_api_url")
    @classmethod
    def _twilio_api(cls, value: str) -> str:
        if not is_base(value):
            raise ValueError(
                "is not an https:// address, and whoever reads along on the way has the token"
            )
        return value.rstrip("/")

    @check("whatsapp_stop_words", "whatsapp_start_words", "whatsapp_help_words")
    @classmethod
    def _wishes(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not words or not all(_is_word(word) for word in words):
            raise ValueError("has to hold words, each of letters alone")
        ours = {word.casefold() for word in words}
        for other in ("whatsapp_stop_words", "whatsapp_start_words"):
            if ours & {word.casefold() for word in info.data.get(other, ())}:
                raise ValueError(f"has a word of {other.upper()}, and can't mean both")
        return words

    @check("whatsapp_help_text")
    @classmethod
    def _help(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            if info.data.get("whatsapp_help_words"):
                raise ValueError("is missing: WHATSAPP_HELP_WORDS is there, and asks for it")
            return None
        if not _there(info, "whatsapp_help_words"):
            raise ValueError("is set without WHATSAPP_HELP_WORDS")
        shown = text.replace("\\n", "\n")
        if any(category(sign) in UNSENDABLE and sign != "\n" for sign in shown):
            raise ValueError("holds a sign that no message has")
        if len(shown.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            raise ValueError(f"has more than the {LONGEST_TEXT} signs that Twilio takes")
        return shown


def _is_word(text: str) -> bool:
    # Letters, digits, and the marks without which many scripts have no vowels.
    return len(text) <= LONGEST_WORD and all(category(sign)[0] in "LMN" for sign in text)


def _needs_account(info: ValidationInfo) -> None:
    if not _there(info, "twilio_account_sid"):
        raise ValueError("is set without TWILIO_ACCOUNT_SID")


def _there(info: ValidationInfo, name: str) -> bool:
    """Whether a field above has a value; one with a fault was given too, and has been told of."""
    return name not in info.data or bool(info.data[name])
