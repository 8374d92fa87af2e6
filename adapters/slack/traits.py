"""What a workspace turned out not to support; learnt from its refusals, and forgotten in time."""

from core.ports import Clock

STREAMS, SESSIONS, STATUS, THUMBS = "streams", "sessions", "status", "thumbs"
LEARNT_FOR = 3600.0  # seconds: an app may be given what it lacked

# Slack's words for "not here", as opposed to "not like this".
LACKING = frozenset(
    {
        "access_denied",
        "channel_type_not_supported",
        "deprecated_endpoint",
        "feature_disabled",
        "feature_not_enabled",
        "method_deprecated",
        "method_not_supported_for_channel_type",
        "missing_scope",
        "not_agent_app",
        "not_allowed_token_type",
        "not_authorized",
        "unknown_method",
    }
)


class Traits:
    """What is known to be missing, by workspace, trait and kind of channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lacks: dict[tuple[str, str, bool], float] = {}

    def has(self, team: str, trait: str, *, direct: bool) -> bool:
        """Whether it is worth trying."""
        until = self._lacks.get((team, trait, direct))
        return until is None or self._clock.monotonic() >= until

    def lacks(self, team: str, trait: str, *, direct: bool) -> None:
        """It was refused as not to be had."""
        self._lacks[team, trait, direct] = self._clock.monotonic() + LEARNT_FOR
