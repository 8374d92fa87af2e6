"""What each message shows of an answer, as far as it can be told from what is remembered."""

from adapters.slack.slots import LIMIT, Slot, State, decode, encode, lay_out

LINES = "".join(f"Line {number} of an answer.\n" for number in range(1000))


def test_white_space_is_no_message():
    """Slack refuses it."""
    assert lay_out("\n \n", [], start=0, final=True) == []


def test_a_message_ends_before_it_is_too_long():
    """Whatever end it was to have."""
    slot = Slot(number=0, ts="1.0", state=State.STREAM, cut=LIMIT + 500)
    first = lay_out(LINES, [slot], start=0, final=False)[0]
    assert len(first.piece.text) <= LIMIT


def test_another_answer_is_cut_where_it_likes():
    """A complete message keeps its end only for the answer that it was completed with."""
    [share, *_] = lay_out(LINES, [], start=0, final=False)
    done = Slot(number=0, state=State.DONE, cut=share.piece.end - 5, digest="another")
    assert lay_out(LINES, [done], start=0, final=False)[0].piece.end == share.piece.end


def test_an_end_is_remembered_of_complete_messages_alone():
    """An answer that is asked for again need not end where half of one did."""
    for state, cut in ((State.STREAM, None), (State.OPEN, None), (State.DONE, 50)):
        slot = Slot(number=3, ts="1.0", state=state, cut=50, digest="d")
        assert decode(3, encode(slot)).cut == cut
