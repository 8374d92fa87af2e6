"""Sending what Slack sends: signed, in the right form, and with its retries' headers."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.workspace import Workspace

PATH = "/slack/events"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the app answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def signed(secret: str, body: bytes, now: float) -> dict[str, str]:
    """The headers that prove that a body comes from Slack."""
    at = str(int(now))
    about = b"v0:" + at.encode() + b":" + body
    signature = hmac.new(secret.encode(), about, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signature}"}


def encoded(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """A payload's body and content type: commands and clicks are forms, the rest is JSON."""
    if "command" in payload:
        return urlencode(payload).encode(), FORM
    if payload.get("type") in {"block_actions", "message_action", "shortcut", "view_submission"}:
        return urlencode({"payload": json.dumps(payload)}).encode(), FORM
    return json.dumps(payload).encode(), JSON


async def send(
    http: aiohttp.ClientSession,
    url: str,
    payload: Mapping[str, Any],
    secret: str,
    *,
    now: float | None = None,
    workspace: Workspace | None = None,
    retry: int = 0,
    reason: str = "http_timeout",
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """POST an envelope, a command or a click to the app's /slack/events.

    `url` is the app's root or that very address. With the `workspace` the time is its fake's
    (else `now`, else the real one), and the answer to a command is shown to its user, as an
    ephemeral. `retry` is the number of the retry, `headers` replace those that are sent.
    """
    body, kind = encoded(payload)
    if now is None:
        now = workspace.fake.clock.now() if workspace else time.time()
    given = {"Content-Type": kind} | signed(secret, body, now)
    if retry:
        given |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
    where = url if url.endswith(PATH) else url.rstrip("/") + PATH
    async with http.post(where, data=body, headers=given | dict(headers or {})) as response:
        answered = Answered(
            status=response.status, body=await response.read(), headers=response.headers
        )
    if workspace and "command" in payload and answered.status == 200 and answered.body:
        workspace.fake.responses.acknowledge(payload["response_url"], answered.body)
    return answered
