"""What Twilio tells the gateway: signed forms about what people write, and what became of ours."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.etree import ElementTree  # noqa: ICN001

import aiohttp
from twilio.request_validator import RequestValidator

from tests.fakes.twilio.media import Media, kind_of
from tests.fakes.twilio.message import Message

if TYPE_CHECKING:
    from tests.fakes.twilio.server import FakeTwilio

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
# What makes a message more than text, unless it is said which MessageType it has.
KINDS = {"Latitude": "location", "ButtonPayload": "button", "ListId": "interactive"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the gateway answered; the status is 0 if it did not."""

    status: int
    body: bytes = b""
    type: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """A person's message, and the gateway's answer to each time it was told of it."""

    sid: str
    answers: tuple[Answered, ...]

    @property
    def status(self) -> int:
        """The HTTP status of the first."""
        return self.answers[0].status


class Webhooks:
    """Tells the gateway. What was told can be told again."""

    def __init__(self, fake: "FakeTwilio") -> None:
        self._fake = fake
        self._http: aiohttp.ClientSession | None = None
        self._told: dict[str, tuple[dict[str, str], str]] = {}

    def start(self) -> None:
        self._http = aiohttp.ClientSession(timeout=TIMEOUT)

    async def stop(self) -> None:
        if self._http:
            await self._http.close()

    async def post(
        self,
        path: str,
        fields: Mapping[str, str],
        *,
        signature: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send a form to the gateway's `path`, signed for its public URL unless otherwise given."""
        assert self._http is not None
        validator = RequestValidator(self._fake.token)
        url = self._fake.public_url + path
        if signature is None:
            signature = validator.compute_signature(url, dict(fields))
        given = {
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": str(uuid4()),
            "X-Home-Region": "us1",
        } | dict(headers or {})
        try:
            async with self._http.post(
                self._fake.gateway + path, data=dict(fields), headers=given, allow_redirects=False
            ) as response:
                body = await response.read()
                return Answered(status=response.status, body=body, type=response.content_type)
        except (aiohttp.ClientError, TimeoutError):
            return Answered(status=0)

    async def tell(self, fields: dict[str, str], times: int) -> Delivered:
        """Tell of a person's message, so many times at once."""
        sid = fields["MessageSid"]
        self._told[sid] = (fields, str(uuid4()))
        return await self.retell(sid, times=times)

    async def retell(self, sid: str, *, times: int = 1) -> Delivered:
        """The same message, with the same token of its delivery."""
        fields, token = self._told[sid]
        headers = {"I-Twilio-Idempotency-Token": token}
        path = self._fake.webhook
        answers = await asyncio.gather(
            *(self.post(path, fields, headers=headers) for _ in range(times))
        )
        for answer in answers:
            self._speak(fields, answer)
        return Delivered(sid=sid, answers=tuple(answers))

    def _speak(self, fields: Mapping[str, str], answer: Answered) -> None:
        """What TwiML says is sent to the person, and so is plain text: a trap of Twilio's."""
        for words in _spoken(answer):
            sid, now = self._fake.number("SM"), self._fake.clock.now()
            self._fake.messages[sid] = Message(
                sid=sid,
                account=self._fake.account,
                to=fields["From"],
                sender=fields["To"],
                body=words,
                direction="outbound-reply",
                created_at=now,
                sent_at=now,
                status="sent",
            )

    async def report(self, message: Message, status: str, code: int | None) -> Answered:
        """Tell of a message's status, where its StatusCallback says."""
        assert message.callback is not None
        public = self._fake.public_url
        assert message.callback.startswith(public), "this StatusCallback is not the gateway's"
        return await self.post(
            message.callback.removeprefix(public), _report_fields(message, status, code)
        )


def _spoken(answer: Answered) -> list[str]:
    if answer.status != 200 or not answer.body:
        return []
    if answer.type == "text/plain":
        return [answer.body.decode()]
    said = ElementTree.fromstring(answer.body)  # noqa: S314 - our own gateway's
    return [each.text or "" for each in said.iter("Message")]


def inbound_fields(message: Message, name: str, files: list[tuple[str, Media]]) -> dict[str, Any]:
    """The form about a person's message. `files` are the media with their URLs."""
    number = message.sender.removeprefix("whatsapp:+")
    phone = {"WaId": number} if number.isdigit() else {}
    context = {"type": "whatsapp", "data": {"context": {"ProfileName": name, **phone}}}
    fields = {
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(files)),
        "ProfileName": name,
        "MessageType": kind_of(files[0][1]) if files else "text",
        "SmsSid": message.sid,
        **phone,
        "SmsStatus": "received",
        "Body": message.body,
        "To": message.to,
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": message.sid,
        "AccountSid": message.account,
        "ChannelMetadata": json.dumps(context),
        "From": message.sender,
        "ApiVersion": "2010-04-01",
    }
    for at, (url, given) in enumerate(files):
        fields |= {f"MediaUrl{at}": url, f"MediaContentType{at}": given.type}
    return fields


def changed(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, str]:
    """The form with other fields; what is None is not sent."""
    kind = next((KINDS[name] for name in extra if name in KINDS), fields["MessageType"])
    together = {**fields, "MessageType": kind, **extra}
    return {name: str(value) for name, value in together.items() if value is not None}


def _report_fields(message: Message, status: str, code: int | None) -> dict[str, str]:
    fields = {
        "SmsSid": message.sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": message.to,
        "MessageSid": message.sid,
        "AccountSid": message.account,
        "From": message.sender,
        "ApiVersion": "2010-04-01",
        "ChannelToAddress": message.to.removeprefix("whatsapp:"),
        "ChannelPrefix": "whatsapp",
        "ChannelInstallSid": "XE" + "0" * 32,
    }
    if message.service:
        fields["MessagingServiceSid"] = message.service
    if status == "read":
        fields["EventType"] = "READ"
    if code is not None:
        fields |= {"ErrorCode": str(code), "ErrorMessage": f"error {code}"}
    return fields
