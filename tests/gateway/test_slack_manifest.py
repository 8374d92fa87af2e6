"""`gateway slack manifest`: a Slack app that fits this deployment."""

import json

import pytest
from typer.testing import CliRunner

from adapters.slack.manifest import COMMAND, EVENTS, PROMPTS, SCOPES, manifest
from core.errors import Misconfigured
from gateway import cli
from gateway.config import load

URL = "https://chat.example/bot"
MANY = {
    "SLACK_CLIENT_ID": "11.22",
    "SLACK_CLIENT_SECRET": "hush-4711",
    "SLACK_SIGNING_SECRET": "hush-4711",
    "ENCRYPTION_KEY": "aHVzaC00NzExLWh1c2gtNDcxMS1odXNoLTQ3MTEtMTI=",
}


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Run the command without a Slack variable but those given; what it printed, and said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.telemetry.configure_logging", lambda *_: None)

    def run(*arguments, **environ):
        result = CliRunner().invoke(cli.app, arguments, env=environ)
        if isinstance(result.exception, Misconfigured):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr

    return run


def made(ran, *arguments, **environ):
    out, _ = ran("slack", "manifest", *arguments, **environ)
    return json.loads(out)


def urls(app):
    """Every address in it."""
    return {
        value
        for place in (*app["features"]["slash_commands"], *app["settings"].values())
        if isinstance(place, dict)
        for key, value in place.items()
        if "url" in key
    }


def test_over_http_everything_goes_to_one_address(ran):
    """Events, buttons and the command; the path that a proxy adds stays."""
    app = made(ran, PUBLIC_URL=f"{URL}/")
    assert urls(app) == {f"{URL}/slack/events"}
    [command] = app["features"]["slash_commands"]
    assert command["url"] == f"{URL}/slack/events"
    assert app["settings"]["event_subscriptions"]["request_url"] == f"{URL}/slack/events"
    assert app["settings"]["interactivity"]["request_url"] == f"{URL}/slack/events"
    assert app["settings"]["socket_mode_enabled"] is False


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--socket"], {}),
        (["--socket"], {"PUBLIC_URL": URL}),
        ([], {"SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxb-1", "PUBLIC_URL": URL}),
    ],
)
def test_over_socket_mode_no_address_is_asked(ran, arguments, environ):
    """Neither is one needed, nor is one that is there put in."""
    app = made(ran, *arguments, **environ)
    assert urls(app) == set()
    assert app["settings"]["socket_mode_enabled"] is True
    assert app["settings"]["interactivity"] == {"is_enabled": True}


@pytest.mark.parametrize(("arguments", "environ"), [(["--installs"], {}), ([], MANY)])
def test_for_many_workspaces_it_can_be_installed(ran, arguments, environ):
    """With an address to come back to, in whole organisations, and with tokens that expire."""
    app = made(ran, *arguments, PUBLIC_URL=URL, **environ)
    assert app["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]
    assert app["settings"]["org_deploy_enabled"] is True
    assert app["settings"]["token_rotation_enabled"] is True


def test_for_one_workspace_tokens_last(ran):
    """A token in the environment can't be renewed there, so none may expire."""
    app = made(ran, PUBLIC_URL=URL)
    assert "redirect_urls" not in app["oauth_config"]
    assert app["settings"]["org_deploy_enabled"] is False
    assert app["settings"]["token_rotation_enabled"] is False


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ([], {}, ["PUBLIC_URL", "--socket"]),
        (["--installs"], {}, ["PUBLIC_URL", "--socket"]),
        (["--installs", "--socket"], {}, ["PUBLIC_URL: is missing", "Socket Mode"]),
        (["--socket", "--name", ""], {}, ["--name"]),
        (["--socket", "--name", "x" * 36], {}, ["--name"]),
        (["--socket", "--name", "two\nlines"], {}, ["--name"]),
        (["--socket"], {"PUBLIC_URL": "chat.example"}, ["PUBLIC_URL", "https://"]),
    ],
)
def test_what_is_missing_is_said(ran, arguments, environ, words):
    """With every way to mend it."""
    with pytest.raises(Misconfigured) as refused:
        ran("slack", "manifest", *arguments, **environ)
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--socket"], ["api.slack.com/apps", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]),
        ([], ["api.slack.com/apps", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "Verified"]),
        (
            ["--installs"],
            ["SLACK_CLIENT_ID", "ENCRYPTION_KEY", "SLACK_SIGNING_SECRET", f"{URL}/slack/install"],
        ),
    ],
)
def test_the_next_steps_are_not_in_the_way(ran, arguments, named):
    """They are beside the manifest, and name what to set and in which order."""
    _, said = ran("slack", "manifest", *arguments, PUBLIC_URL=URL)
    places = [said.index(name) for name in named]
    assert places == sorted(places)


def test_the_name_is_the_operators(ran):
    """Of the app and of its bot, in any script."""
    app = made(ran, "--socket", "--name", "Приёмная 🤖")
    assert app["display_information"]["name"] == "Приёмная 🤖"
    assert app["features"]["bot_user"]["display_name"] == "Приёмная 🤖"


def test_people_can_write_to_it():
    """In the messages tab, where its prompts are; and every event has its scope."""
    app = manifest(name="Ada", url=None, socket=True, installs=False)
    features = app["features"]
    assert features["app_home"]["messages_tab_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    prompts = [
        (each["title"], each["message"]) for each in features["agent_view"]["suggested_prompts"]
    ]
    assert prompts == list(PROMPTS)
    assert 2 <= len(prompts) <= 4
    assert [each["command"] for each in features["slash_commands"]] == [COMMAND]
    assert app["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert app["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    kinds = {event.removeprefix("message.") for event in EVENTS if event.startswith("message.")}
    assert kinds == {scope.removesuffix(":history") for scope in SCOPES if ":history" in scope}


def test_files_can_be_read():
    """Without the scope Slack shows a page to sign in where a file should be."""
    app = manifest(name="Ada", url=None, socket=True, installs=False)
    assert "files:read" in app["oauth_config"]["scopes"]["bot"]


def test_a_new_encryption_key_is_one_that_the_gateway_takes(ran):
    """It is new each time and alone on its line, and says where to put it besides."""
    (key, said), (other, _) = (ran("token", "--encryption-key") for _ in range(2))
    assert "ENCRYPTION_KEY" in said
    assert key != other
    both = f"{key.strip()},{other.strip()}"
    settings = load({"ENCRYPTION_KEY": both}, None)
    assert len(settings.encryption_key) == 2
