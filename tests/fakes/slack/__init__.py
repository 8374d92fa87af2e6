"""A stateful fake of Slack: its Web API, files, response_urls and Socket Mode, on a loopback port.

    async with FakeSlack() as fake:
        acme = fake.workspace()                    # T1, with the token xoxb-1
        dm = acme.im("U1")
        asked = acme.say(dm, "U1", "hello")        # a person says something …
        cat = acme.file(b"...", name="cat.png")    # … or shows it something: say(…, files=[cat])
        event = acme.envelope(acme.message_event(asked))
        await send(http, gateway, event, secret, workspace=acme)     # … and the app hears of it
        await fake.until(lambda: acme.bot_messages(dm, asked["ts"]))
        fake.fail("chat.update", "ratelimited", retry_after=3)       # what goes wrong next

What Slack would refuse is refused with its error. Time is `fake.clock`'s: streams expire, rates
recover and tokens end when it moves.
"""

from tests.fakes.slack.clock import Clock, ManualClock
from tests.fakes.slack.faults import Fault, Hold
from tests.fakes.slack.log import Call
from tests.fakes.slack.message import Channel, Ephemeral, Message
from tests.fakes.slack.sending import Answered, encoded, send, signed
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import Workspace

__all__ = [
    "Answered",
    "Call",
    "Channel",
    "Clock",
    "Ephemeral",
    "FakeSlack",
    "Fault",
    "Hold",
    "ManualClock",
    "Message",
    "Workspace",
    "encoded",
    "send",
    "signed",
]
