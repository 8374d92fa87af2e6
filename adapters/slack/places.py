"""Where in a workspace a conversation takes place, and what it is called in the database."""

from dataclasses import dataclass

from core.types import Address

PLATFORM = "slack"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A thread of a channel, a channel as a whole, or one user's slash commands in a channel.

    Direct messages are a channel too. `thread_ts` is the ts of the thread's first message, which
    may have no reply yet. Nobody but `user` sees what commands bring.
    """

    channel: str
    thread_ts: str | None = None
    user: str | None = None


def conversation_of(place: Place) -> str:
    """The place's name, as `Address.conversation` has it; `place_of` reads it again."""
    if place.user is not None:
        return f"{place.channel}/{place.user}"
    return place.channel if place.thread_ts is None else f"{place.channel}:{place.thread_ts}"


def place_of(name: str) -> Place:
    """The place of a name that `conversation_of` made."""
    channel, slash, user = name.partition("/")
    if slash:
        return Place(channel=channel, user=user)
    channel, colon, thread_ts = name.partition(":")
    return Place(channel=channel, thread_ts=thread_ts if colon else None)


def address(team: str, place: Place, *, direct: bool) -> Address:
    """The place as core knows it. `team` is the workspace that the app is installed in."""
    return Address(
        platform=PLATFORM, account=team, conversation=conversation_of(place), direct=direct
    )
