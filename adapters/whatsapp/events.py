"""What a person sent, or what became of ours, out of a webhook's fields: pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.errors import Permanent
from core.text import clean

Fields = Mapping[str, str]
"""A form's fields: the first value of each name."""

PLATFORM = "whatsapp"
UNKNOWN = -1
ENDED = 7

# How far a message of ours has come. Callbacks overtake each other: the highest rank counts.
_STEPS = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "read")
_ENDS = ("failed", "undelivered", "canceled")
_RANKS = {step: rank for rank, step in enumerate(_STEPS)} | dict.fromkeys(_ENDS, ENDED)

_MOST_MEDIA = 10
_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_PERSON = re.compile(r"whatsapp:[!-~]{1,200}")  # a phone number, or an id like US.1a2b
_USER = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"[0-9]{1,20}")
_WORD = re.compile(r"[a-z_]{1,32}")
_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?")
_ERROR = re.compile(r"[0-9]{1,10}")
_OPT_OUT = re.compile(r"STOP|START|HELP")
_OURS = ("", "received", "receiving")  # what MessageStatus may be of what was sent to us


class Malformed(Permanent):
    """Twilio does not send that: `field` is missing, or holds what it never would."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is missing, or is not what Twilio sends")
        self.field = field


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """A file, at a `url` that asks for our credentials; `type` is its media type, or empty."""

    url: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A place on Earth in degrees; `label` and `address` may be empty."""

    latitude: float
    longitude: float
    label: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """What was chosen of buttons or of a list: what people read on it, and what it stands for."""

    title: str
    payload: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """A person's message. Texts may be empty, and hold nothing that a database would refuse.

    `person` and `business` are addresses to be sent back as they are. `aliases` are the person's
    other addresses, as `person` may be another time: to know them again by, not to write to.
    `kind` is of an open set (`text`, `image`, …), `replied_to` an older message's sid, `opt_out`
    one of STOP, START and HELP that Twilio has answered by itself.
    """

    sid: str
    account: str
    person: str
    business: str
    aliases: tuple[str, ...]
    name: str
    body: str
    kind: str
    media: tuple[Media, ...]
    location: Location | None
    button: Button | None
    replied_to: str | None
    forwarded: bool
    opt_out: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of a message of ours.

    `rank` grows with time: a lower one that comes later is old news. From 7 on nothing follows;
    a status that is new to us has -1. `person` and `business` are empty if they are not told.
    """

    sid: str
    status: str
    rank: int
    error_code: str | None
    person: str
    business: str


def inbound(fields: Fields) -> Inbound:
    """A person's message. Raises `Malformed`; only ids and addresses can be at fault.

    So is a status of our own message: were it taken for a person's, we would talk to ourselves.
    """
    if fields.get("MessageStatus", "").lower() not in _OURS:
        raise Malformed("MessageStatus")
    media = tuple(_media(fields))
    return Inbound(
        sid=_need(fields, "MessageSid", _SID),
        account=_need(fields, "AccountSid", _SID),
        person=_need(fields, "From", _PERSON),
        business=_need(fields, "To", _PERSON),
        aliases=tuple(dict.fromkeys(_aliases(fields))),
        name=_text(fields, "ProfileName"),
        body=_text(fields, "Body"),
        kind=_kind(fields, media),
        media=media,
        location=_location(fields),
        button=_button(fields),
        replied_to=_may(fields, "OriginalRepliedMessageSid", _SID),
        forwarded="true" in (fields.get("Forwarded"), fields.get("FrequentlyForwarded")),
        opt_out=_may(fields, "OptOutType", _OPT_OUT),
    )


def report(fields: Fields) -> Report:
    """What a status callback tells. Raises `Malformed`."""
    status = fields.get("MessageStatus", "").lower()
    if not _WORD.fullmatch(status):
        raise Malformed("MessageStatus")
    return Report(
        sid=_need(fields, "MessageSid", _SID),
        status=status,
        rank=_RANKS.get(status, UNKNOWN),
        error_code=_may(fields, "ErrorCode", _ERROR),
        person=_may(fields, "To", _PERSON) or "",
        business=_may(fields, "From", _PERSON) or "",
    )


def _need(fields: Fields, name: str, shape: re.Pattern[str]) -> str:
    found = _may(fields, name, shape)
    if found is None:
        raise Malformed(name)
    return found


def _may(fields: Fields, name: str, shape: re.Pattern[str]) -> str | None:
    """A field's value; None for all that can't be one."""
    value = fields.get(name, "")
    return value if shape.fullmatch(value) else None


def _text(fields: Fields, name: str) -> str:
    return clean(fields.get(name, ""))


def _aliases(fields: Fields) -> Iterator[str]:
    known = fields.get("From")
    for name in ("ExternalUserId", "ParentExternalUserId"):
        user = _may(fields, name, _USER)
        if user and f"{PLATFORM}:{user}" != known:
            yield f"{PLATFORM}:{user}"
    phone = _may(fields, "WaId", _PHONE)
    if phone and f"{PLATFORM}:+{phone}" != known:
        yield f"{PLATFORM}:+{phone}"


def _media(fields: Fields) -> Iterator[Media]:
    for number in range(_MOST_MEDIA):
        if url := _text(fields, f"MediaUrl{number}"):
            kind = _text(fields, f"MediaContentType{number}").partition(";")[0]
            yield Media(url=url, type=kind.strip().lower())


def _kind(fields: Fields, media: tuple[Media, ...]) -> str:
    """What Twilio calls it; if it says nothing, what it looks like."""
    told = fields.get("MessageType", "").lower()
    if _WORD.fullmatch(told):
        return told
    if media:
        family = media[0].type.partition("/")[0]
        return family if family in {"image", "audio", "video"} else "document"
    if "Latitude" in fields:
        return "location"
    return "button" if _button(fields) else "text"


def _location(fields: Fields) -> Location | None:
    north, east = _may(fields, "Latitude", _DEGREES), _may(fields, "Longitude", _DEGREES)
    if north is None or east is None:
        return None
    return Location(
        latitude=float(north),
        longitude=float(east),
        label=_text(fields, "Label"),
        address=_text(fields, "Address"),
    )


def _button(fields: Fields) -> Button | None:
    title = _text(fields, "ButtonText") or _text(fields, "ListTitle")
    payload = _text(fields, "ButtonPayload") or _text(fields, "ListId")
    return Button(title=title, payload=payload) if title or payload else None
