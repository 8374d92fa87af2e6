"""The manifest of this deployment's Slack app, and what to do with it."""

import json

from adapters.slack.manifest import INSTALL_PATH, LONGEST_NAME, manifest
from core.errors import Misconfigured
from gateway.config import Settings

NEITHER = (
    "slack manifest: there are two ways for Slack to reach this gateway, and none is chosen. To"
    " mend it, set PUBLIC_URL to the https:// address that the world reaches it at; or add"
    " --socket, for Socket Mode, which needs no public address."
)
NOWHERE = (
    "PUBLIC_URL: is missing: whoever installs the app is sent back to it, also with Socket Mode."
    " To mend it, set the https:// address that the world reaches this server at."
)
PASTE = "Paste it at https://api.slack.com/apps: Create New App, From a manifest, JSON."
INSTALL = (
    "Install App: install it to your workspace, and set SLACK_BOT_TOKEN to the Bot User OAuth"
    " Token (xoxb-…)."
)
OPEN_SOCKET = (
    "Basic Information, App-Level Tokens: generate one with connections:write, and set"
    " SLACK_APP_TOKEN to it (xapp-…)."
)
VERIFY = (
    "Basic Information, App Credentials: set SLACK_SIGNING_SECRET to the Signing Secret.",
    "Start the gateway; then on the app's page, Event Subscriptions: Retry, until it is Verified.",
)
MANY = (
    "Basic Information, App Credentials: set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET to them.",
    "Set ENCRYPTION_KEY to what `gateway token --encryption-key` prints.",
)
DOCTOR = "`gateway doctor` checks all of it."


def text(settings: Settings, *, name: str, socket: bool, installs: bool) -> str:
    """The manifest in JSON. The settings say what the arguments leave open.

    Raises `Misconfigured` when neither says how Slack is to reach the gateway.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise Misconfigured(f"--name: is 1 to {LONGEST_NAME} printable signs.")
    socket, installs = _modes(settings, socket=socket, installs=installs)
    url = settings.public_url
    if url is None and not socket:
        raise Misconfigured(NEITHER)
    if url is None and installs:
        raise Misconfigured(NOWHERE)
    made = manifest(name=name.strip(), url=url, socket=socket, installs=installs)
    return json.dumps(made, indent=2, ensure_ascii=False)


def hints(settings: Settings, *, socket: bool, installs: bool) -> list[str]:
    """What to do with it, step by step."""
    socket, installs = _modes(settings, socket=socket, installs=installs)
    steps = [PASTE, *(MANY if installs else (INSTALL,))]
    steps += (OPEN_SOCKET,) if socket else VERIFY
    if installs:
        page = f"{settings.public_url}{INSTALL_PATH}"
        steps.append(f"Manage Distribution: activate it. A workspace installs the app at {page}.")
    return [f"{number}. {step}" for number, step in enumerate([*steps, DOCTOR], 1)]


def _modes(settings: Settings, *, socket: bool, installs: bool) -> tuple[bool, bool]:
    return socket or settings.slack_socket, installs or settings.slack_installs
