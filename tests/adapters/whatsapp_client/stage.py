"""A client of Twilio before the fake of it."""

from adapters.whatsapp.client import Timeouts, Twilio
from tests.fakes.hands import HandClock
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN

PATIENT = Timeouts(total=30, connect=15)  # for what has to come to an end by itself
HASTY = Timeouts(total=1, connect=0.5)
SECRET_WORDS = "meet me at noon"


def twilio_of(session, url, *, clock=None, told=None, **fields):
    return Twilio(
        **{
            "session": session,
            "account": ACCOUNT,
            "username": ACCOUNT,
            "password": TOKEN,
            "api_url": url,
            "clock": clock or HandClock(),
            "observe": [].append if told is None else told.append,
            "timeouts": PATIENT,
            "typing_timeout": 30,
        }
        | fields
    )


async def say(twilio, body=SECRET_WORDS, **fields):
    return await twilio.send(**{"to": ANA, "sender": BUSINESS, "body": body} | fields)
