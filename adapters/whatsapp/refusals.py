"""What to do about each of Twilio's error codes. They may change: any other is for good."""

from enum import Enum, auto

from adapters.whatsapp.client import Refused


class Doing(Enum):
    """What a refusal asks for."""

    WAIT_FOR_THEM = auto()  # the 24 hours are over
    BE_SILENT = auto()  # the person has opted out
    TELL_OPERATOR = auto()  # account, sender or limit: theirs to mend, and the answer waits
    GO_SLOWER = auto()
    LATER = auto()  # the channel had trouble of its own
    SAY_PLAINLY = auto()  # the channel can't make anything of the marks
    GIVE_UP = auto()


# What failed so on its way is owed.
OWED = frozenset({Doing.WAIT_FOR_THEM, Doing.GO_SLOWER, Doing.LATER})
OUTSIDE = 63016  # a message in words, 24 hours after the person's last one
OPTED_OUT = 21610
PAIR = 63018  # too many messages to one person
TROUBLED = frozenset({63010, 63012, 63023})
UNREADABLE = frozenset({63005, 63006, 63021})
CROWDED = frozenset({20429, 63017, PAIR})
OPERATORS = frozenset(
    {
        *(20003, 20404, 21212, 21606, 21703, 30036),
        *(63007, 63013, 63015, 63020, 63022, 63038, 63051),
    }
)
FORBIDDEN = frozenset({401, 403})


def doing(error: Refused) -> Doing:
    """What a refused call asks for."""
    if error.code is None:
        return Doing.TELL_OPERATOR if error.status in FORBIDDEN else Doing.GIVE_UP
    return doing_of(error.code) if error.status not in FORBIDDEN else Doing.TELL_OPERATOR


def doing_of(code: int) -> Doing:
    """What a code asks for, wherever it is told."""
    if code == OUTSIDE:
        return Doing.WAIT_FOR_THEM
    if code == OPTED_OUT:
        return Doing.BE_SILENT
    if code in CROWDED:
        return Doing.GO_SLOWER
    if code in TROUBLED:
        return Doing.LATER
    if code in UNREADABLE:
        return Doing.SAY_PLAINLY
    return Doing.TELL_OPERATOR if code in OPERATORS else Doing.GIVE_UP
