"""Bolt, between the door and the listeners: it tells events, commands and clicks apart."""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.installations import Installation, Workspaces
from adapters.slack.listening import Listeners
from adapters.slack.slash import LATER, ephemeral
from core.errors import Transient

# Slack waits 3 seconds for an answer, its way included.
FINDING = 0.7  # seconds to look up the workspace
TAKING = 2.0  # seconds to store what it said

_ANY = re.compile("")
_FOUND = "gateway_installation"  # in Bolt's context


def bolt_app(
    listeners: Listeners,
    workspaces: Workspaces,
    *,
    client: AsyncWebClient,
    finding: float = FINDING,
    taking: float = TAKING,
) -> AsyncApp:
    """The app. It checks no signatures: hand it only what has passed `Ingress`, or Socket Mode.

    It answers 200 once all is stored, and 503 when it is not (to a command, words that say so).
    What nobody foresaw is raised out of `async_dispatch`. `client` is never called for a request.
    """
    log = logging.getLogger(__name__)
    log.setLevel(logging.WARNING)  # below, Bolt writes down what people say
    with _nothing_in_environment():
        app = AsyncApp(
            name="gateway",
            logger=log,
            client=client,
            authorize=_authorize(workspaces, finding),
            signing_secret="",
            process_before_response=True,
            raise_error_for_unhandled_request=True,
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,  # `events.heard` is stricter
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
    _listen(app, listeners, taking)
    app.error(_answer_to)
    return app


def _listen(app: AsyncApp, listeners: Listeners, taking: float) -> None:
    async def event(body: dict[str, Any], context: AsyncBoltContext) -> None:
        async with asyncio.timeout(taking):
            await listeners.event(body, context.get(_FOUND))

    async def command(body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        async with asyncio.timeout(taking):
            shown = await listeners.command(body, context.get(_FOUND))
        await ack(shown)

    async def action(body: dict[str, Any], context: AsyncBoltContext, ack: AsyncAck) -> None:
        async with asyncio.timeout(taking):
            await listeners.action(body, context.get(_FOUND))
        await ack()

    app.event(_ANY)(event)
    app.command(_ANY)(command)
    app.action(_ANY)(action)


def _authorize(workspaces: Workspaces, finding: float) -> Callable[..., Awaitable[AuthorizeResult]]:
    async def authorize(
        context: AsyncBoltContext, enterprise_id: object, team_id: object
    ) -> AuthorizeResult:
        # Where the app is not installed Bolt would call Slack to apologise: it need not know.
        context[_FOUND] = await _find(workspaces, enterprise_id, team_id, context, finding)
        return AuthorizeResult(enterprise_id=None, team_id=None)

    return authorize


async def _find(
    workspaces: Workspaces,
    enterprise: object,
    team: object,
    context: AsyncBoltContext,
    finding: float,
) -> Installation | None:
    async with asyncio.timeout(finding):
        return await workspaces.find(
            enterprise=enterprise if isinstance(enterprise, str) else None,
            team=team if isinstance(team, str) else None,
            org_wide=context.is_enterprise_install is True,
        )


async def _answer_to(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """What Slack is told instead of a listener's answer. Raises what nobody foresaw."""
    if isinstance(error, BoltUnhandledRequestError):
        return BoltResponse(status=200)  # nobody listens to it, and that is all right
    if not isinstance(error, Transient | TimeoutError):
        raise error
    if "command" in body:
        return BoltResponse(status=200, body=ephemeral(LATER))  # Slack sends commands only once
    return BoltResponse(
        status=503, body={"error": "This could not be stored just now; send it again."}
    )


@contextmanager
def _nothing_in_environment() -> Iterator[None]:
    """Hide Slack's variables: Bolt would read them, and set up installs of its own by them."""
    names = [name for name in os.environ if name.startswith("SLACK_")]
    hidden = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(hidden)
