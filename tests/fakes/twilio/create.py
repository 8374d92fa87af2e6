"""What becomes of a message that is to be sent."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes.twilio.message import Message
from tests.fakes.twilio.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.twilio.server import FakeTwilio

LONGEST = 1600  # UTF-16 units of a body
DAY = 24 * 3600.0

# A number has its plus, a username's id none.
_ADDRESS = re.compile(r"whatsapp:(\+[1-9][0-9]{6,14}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128})")
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")


def create(fake: "FakeTwilio", form: Mapping[str, str], media: tuple[str, ...]) -> Message:
    """Accept a message. Raises `Refused`."""
    to = form.get("To", "")
    if not _ADDRESS.fullmatch(to):
        raise Refused(21211, says="The 'To' number is not a valid phone number.")
    sender, service = _sender(fake, form)
    body = _body(fake, form, media)
    callback = _callback(form)
    if to in fake.opted_out:
        raise Refused(21610, says="Attempt to send to unsubscribed recipient")
    message = Message(
        sid=fake.number("SM"),
        account=fake.account,
        to=to,
        sender=sender,
        body=body,
        direction="outbound-api",
        created_at=fake.clock.now(),
        status="accepted" if service else "queued",
        service=service,
        content=form.get("ContentSid") or None,
        callback=callback,
        media=media,
    )
    message.fate = _fate(fake, message)
    fake.messages[message.sid] = message
    return message


def _sender(fake: "FakeTwilio", form: Mapping[str, str]) -> tuple[str, str | None]:
    """The sender, and its service if one is to choose it."""
    given, service = form.get("From"), form.get("MessagingServiceSid")
    if not given and not service:
        raise Refused(21603, says="A 'From' or 'MessagingServiceSid' is required.")
    if given and given not in fake.senders:
        raise Refused(21212, says="The 'From' number is not a valid phone number.")
    pool = fake.services.get(service, ()) if service else ()
    if service and (not pool or (given and given not in pool)):
        raise Refused(21703, says="The Messaging Service has no such sender.")
    return given or pool[0], service


def _body(fake: "FakeTwilio", form: Mapping[str, str], media: tuple[str, ...]) -> str:
    body, content = form.get("Body", ""), form.get("ContentSid")
    if content:
        return _filled(fake, content, form.get("ContentVariables", "{}"))
    if not body and not media:
        raise Refused(21619, says="A text message body or media urls must be specified.")
    if len(body.encode("utf-16-le")) // 2 > LONGEST:
        raise Refused(21617, says="The concatenated message body exceeds the 1600 character limit.")
    return body


def _filled(fake: "FakeTwilio", content: str, variables: str) -> str:
    """A template's words, with what stands for its variables."""
    if content not in fake.templates:
        raise Refused(21655, says="The ContentSid is invalid.")
    try:
        given = json.loads(variables)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused(21656, says="The Content Variables parameter is invalid.")
    return _VARIABLE.sub(lambda name: str(given.get(name[1], "")), fake.templates[content])


def _callback(form: Mapping[str, str]) -> str | None:
    callback = form.get("StatusCallback")
    if callback is None:
        return None
    where = urlsplit(callback)
    if where.scheme not in {"http", "https"} or not where.hostname or "_" in where.hostname:
        raise Refused(21609, says="The StatusCallback URL is not a valid URL.")
    return callback


def _fate(fake: "FakeTwilio", message: Message) -> int | None:
    """The code that an accepted message is going to fail with."""
    is_allowed = not fake.limits_on or fake.pairs.take(
        message.sender, message.to, message.created_at
    )
    if not is_allowed and fake.pair_limit_at_create:
        raise Refused(63018, status=429, says="Rate limit exceeded for Channel")
    if code := fake.take_doom(message.to):
        return code
    wrote = fake.wrote.get((message.sender, message.to))
    if message.content is None and (wrote is None or message.created_at >= wrote + DAY):
        return 63016
    return None if is_allowed else 63018
