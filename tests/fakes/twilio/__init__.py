"""A stateful fake of Twilio's WhatsApp: its REST API, its media and its webhooks, on loopback.

    async with FakeTwilio(gateway="http://127.0.0.1:8080") as fake:
        asked = await fake.inbound(ANA, "hello")         # a person writes, the gateway hears of it
        ...                                              # the gateway asks fake.url
        sent = fake.sent(ANA)[0]
        await fake.callbacks(sent.sid, "sent", "delivered", shuffled=True)
        assert fake.seen(ANA) == ["Hello!"]
        fake.fail("create", 20429, status=429, retry_after=3)        # what goes wrong next
        fake.answer("create", status=500, accepted=True)             # ... in doubt
        fake.doom(ANA, 63018)                                        # ... accepted, then failed

What Twilio would refuse is refused with its code. Time is `fake.clock`'s: a person's 24 hours and
how often one may be written to move with it. Webhooks are signed over `fake.public_url` and go to
`fake.gateway`.
"""

from tests.fakes.twilio.faults import Fault, Hold
from tests.fakes.twilio.log import Call
from tests.fakes.twilio.message import Message
from tests.fakes.twilio.refused import Refused
from tests.fakes.twilio.server import ACCOUNT, ANA, BUSINESS, TOKEN, FakeTwilio
from tests.fakes.twilio.webhooks import Answered, Delivered

__all__ = [
    "ACCOUNT",
    "ANA",
    "BUSINESS",
    "TOKEN",
    "Answered",
    "Call",
    "Delivered",
    "FakeTwilio",
    "Fault",
    "Hold",
    "Message",
    "Refused",
]
