"""What Slack has to know of the app: its scopes, its events, and where they go."""

from typing import Any

EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"

COMMAND = "/ai"
LONGEST_NAME = 35  # characters, of an app's name

SCOPES = (
    "app_mentions:read",
    "assistant:write",  # an agent, with prompts and a status
    "chat:write",  # answers, streams, and the sessions' Stop button
    "commands",
    "im:history",
    "im:read",
    "im:write",  # a command's answer goes to a direct message
    "channels:history",  # replies in a thread that need no mention
    "groups:history",
    "mpim:history",
    "files:read",  # images and documents that come with a message
    "users:read",  # the names behind mentions
)
EVENTS = (
    "message.im",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.mpim",
    "app_home_opened",
    "app_context_changed",
    "agent_session_stopped",
    "app_uninstalled",
    "tokens_revoked",
)
PROMPTS = (
    ("What can you do?", "What can you help me with?"),
    ("Draft an e-mail", "Help me to write an e-mail. Ask me first what it is about."),
    ("Explain something", "Explain something to me in simple words. Ask me first what."),
)


def manifest(*, name: str, url: str | None, socket: bool, installs: bool) -> dict[str, Any]:
    """The app's manifest, as Slack takes it in JSON.

    `url` is the gateway's public address, without a slash at its end. With `socket` events come
    over Socket Mode, and no request URL is in it; without, `url` has to be given. With `installs`
    many workspaces may install the app, which has to have `url` too.
    """
    events_url = None if socket or url is None else url + EVENTS_PATH
    return {
        "display_information": {"name": name, "description": "Answers questions."},
        "features": _features(name, events_url),
        "oauth_config": {
            **({"redirect_urls": [url + REDIRECT_PATH]} if installs and url is not None else {}),
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {**_to("request_url", events_url), "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **_to("request_url", events_url)},
            "org_deploy_enabled": installs,
            "socket_mode_enabled": socket,
            # Tokens that expire have to be stored anew: only a table of installs can.
            "token_rotation_enabled": installs,
        },
    }


def _features(name: str, events_url: str | None) -> dict[str, Any]:
    prompts = [{"title": title, "message": message} for title, message in PROMPTS]
    return {
        "bot_user": {"display_name": name, "always_online": True},
        "app_home": {
            "home_tab_enabled": False,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "agent_view": {
            "agent_description": "Ask me anything. I answer in a thread and remember it.",
            "suggested_prompts": prompts,
        },
        "slash_commands": [
            {
                "command": COMMAND,
                **_to("url", events_url),
                "description": "Ask a question",
                "usage_hint": "your question",
                "should_escape": True,
            }
        ],
    }


def _to(key: str, events_url: str | None) -> dict[str, str]:
    return {} if events_url is None else {key: events_url}
