"""What the gateway tells its operator: one log event a fact, and the metrics that it moves."""

from collections.abc import Callable

from core.facts import Fact
from gateway.telemetry.events import write
from gateway.telemetry.logs import configure_logging
from gateway.telemetry.metrics import CONTENT_TYPE, Metrics

__all__ = ["CONTENT_TYPE", "Telemetry", "configure_logging"]


class Telemetry:
    """Hears every fact; has metrics of its own, so that any number of these live side by side."""

    def __init__(self) -> None:
        self._metrics = Metrics()

    def observe(self, fact: Fact) -> None:
        """Count the fact and log it. A `core.ports.Observer`: neither raises nor waits.

        The log holds no person's words and no secret; of an error it tells the type and where
        it was raised, and the message only if it is one of ours.
        """
        self._metrics.count(fact)
        write(fact)

    def watch(
        self,
        *,
        turns_running: Callable[[], float],
        turns_waiting: Callable[[], float],
        open_streams: Callable[[], float],
    ) -> None:
        """Ask these for the three gauges whenever the metrics are rendered."""
        self._metrics.turns_running.set_function(turns_running)
        self._metrics.turns_waiting.set_function(turns_waiting)
        self._metrics.open_streams.set_function(open_streams)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format, to be served as `CONTENT_TYPE`."""
        return self._metrics.render()
