"""What comes with a message besides words is handed on with it."""

import pytest

from adapters.whatsapp.listening import Listeners
from adapters.whatsapp.words import WillWords
from core.types import Attachment
from tests.adapters.whatsapp_ingress.vectors import MEDIA, B
from tests.fakes.hands import HandClock


class Taken:
    """Keeps what it is to accept."""

    def __init__(self):
        self.events = []

    async def accept(self, event):
        self.events.append(event)


@pytest.fixture
def taken():
    return Taken()


@pytest.fixture
def listeners(database, taken):
    return Listeners(
        handler=taken,
        changes=None,
        database=database,
        clock=HandClock(),
        observe=lambda _: None,
        words=WillWords(),
        on_owed=None,
    )


async def test_files_of_any_type_come_with_their_words(listeners, taken):
    """In their order, each with where it is; the words are as they were written."""
    more = {"MediaUrl1": "https://x/2", "MediaContentType1": "audio/ogg; codecs=opus"}
    await listeners.inbound({**B, **MEDIA, **more, "Body": "What is this?"})
    [event] = taken.events
    assert event.text == "What is this?"
    assert event.files == (
        Attachment(name="image", type="image/jpeg", source={"url": MEDIA["MediaUrl0"]}),
        Attachment(name="audio", type="audio/ogg", source={"url": "https://x/2"}),
    )


async def test_a_file_needs_no_words(listeners, taken):
    """A picture alone is a message."""
    await listeners.inbound({**B, **MEDIA})
    [event] = taken.events
    assert (event.text, len(event.files), event.command) == ("", 1, None)


async def test_a_command_is_one_with_a_file_too(listeners, taken):
    """The file is dropped: no model is shown what is said to the gateway."""
    await listeners.inbound({**B, **MEDIA, "Body": "!help"})
    [event] = taken.events
    assert (event.command, event.files) == ("help", ())
