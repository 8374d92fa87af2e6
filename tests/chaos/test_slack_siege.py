"""What answers in Slack is killed while it writes, and its connections break: nobody notices."""

from tests.chaos.slack_siege import besiege
from tests.databases import sqlite_url

KILLS = 2


async def test_killed_while_it_answers_in_slack_each_answer_is_there_once(tmp_path):
    """Each message has one whole answer below it, and no stream is left open.

    On SQLite, where all is in one process; the siege of the web's API is laid to both engines.
    """
    siege = await besiege(sqlite_url(tmp_path), kills=KILLS, seed=5, alive=(1.0, 2.5))
    assert siege.kills == KILLS
    assert len(siege.said) > KILLS
    assert siege.faults == []
