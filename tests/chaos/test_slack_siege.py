"""What answers in Slack is killed while it writes, and its connections break: nobody notices."""

from tests.chaos.slack_siege import besiege

KILLS = 2


async def test_killed_while_it_answers_in_slack_each_answer_is_there_once(database_url):
    """Each message has one whole answer below it, and no stream is left open."""
    siege = await besiege(database_url, kills=KILLS, seed=5, alive=(1.0, 2.5))
    assert siege.kills == KILLS
    assert len(siege.said) > KILLS
    assert siege.faults == []
