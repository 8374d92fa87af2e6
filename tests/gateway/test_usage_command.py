"""What was used, as it is printed."""

import pytest

from core.usage import By, Row
from gateway.showing import show
from gateway.usage import _table


@pytest.mark.parametrize("columns", ["40", "80", "300"])
def test_a_report_is_never_cut(capsys, monkeypatch, columns):
    """Whatever the window is: all of a line is on a line, with no name or number in parts."""
    monkeypatch.setenv("COLUMNS", columns)
    counts = {"turns": 7, "input": 9_000_000_000, "output": 8, "cache_read": 7, "cache_write": 6}
    row = Row(
        person_id=12, person="n" * 70, platform="whatsapp", model="m" * 50, cost=5, unpriced=3,
        **counts,
    )  # fmt: skip
    show(_table([row], list(By)))
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["person", "platform", "model", "day"]
    assert all(each in line for each in ("n" * 70, "m" * 50, "9,000,000,000", "1970-01-01"))
