"""A gateway for each test, and Node.js with the clients that are run against it."""

import os
import shutil

import pytest

from tests.clients import printed
from tests.clients.node import Node, lacking
from tests.journeys.conftest import house, log, swift, trusting, url

__all__ = ["curl", "house", "log", "node", "swift", "trusting", "url"]

collect_ignore = [] if printed.FOLDER.is_dir() else ["test_seeds.py"]


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js and the packages. Without them, what needs them is skipped, and CI fails."""
    _need(lacking())
    return Node(shutil.which("node"))


@pytest.fixture(scope="session")
def curl() -> None:
    """The program, under the same terms."""
    _need(None if shutil.which("curl") else "no curl on this machine")


def _need(reason: str | None) -> None:
    if reason is not None:
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested, which no test can."""
    if collect_ignore:
        terminalreporter.write_line(
            f"{collect_ignore[0]} is left out: there is no folder {os.path.relpath(printed.FOLDER)}"
            " of documents (SEED_DOCUMENTS may name another)"
        )
