import pytest

from tests.adapters.web_auth.stage import Register
from tests.fakes.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def register(clock: VirtualClock) -> Register:
    return Register(clock)
