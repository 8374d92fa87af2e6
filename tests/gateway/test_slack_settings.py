"""Which Slack app the gateway is told to answer for."""

import pytest

from adapters.slack.sealing import new_key
from core.errors import Misconfigured
from gateway.config import Settings, load
from gateway.slack_settings import SlackSettings
from gateway.web_settings import WebSettings

BOT, APP, SIGNING = "xoxb-hush-4711", "xapp-hush-4711", "hush4711hush4711"
URL = "https://chat.example"
KEY = "aHVzaC00NzExLWh1c2gtNDcxMS1odXNoLTQ3MTEtMTI="
ONE = {"SLACK_BOT_TOKEN": BOT, "SLACK_SIGNING_SECRET": SIGNING}
MANY = {
    "SLACK_CLIENT_ID": "11.22",
    "SLACK_CLIENT_SECRET": "hush-4711",
    "SLACK_SIGNING_SECRET": SIGNING,
    "ENCRYPTION_KEY": KEY,
    "PUBLIC_URL": URL,
}


def read(**environ):
    return load(environ, None)


def faults(**environ):
    """What is said of each variable at fault."""
    with pytest.raises(Misconfigured) as refused:
        read(**environ)
    told = str(refused.value)
    assert "4711" not in told
    lines = [line.partition(": ") for line in told.splitlines()]
    assert all(". To mend it, set " in words for _, _, words in lines)
    return {variable: words for variable, _, words in lines}


def modes(settings):
    return settings.slack_on, settings.slack_socket, settings.slack_installs


def without(name, **environ):
    return {variable: value for variable, value in environ.items() if variable != name}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLACK_API_URL": "https://slack-gov.com/api"},
        {"SLACK_DM": "classic"},
        {"PUBLIC_URL": URL, "ENCRYPTION_KEY": KEY},
    ],
)
def test_what_names_no_app_leaves_slack_off(environ):
    """An address, a taste or a key is not an app."""
    assert modes(read(**environ)) == (False, False, False)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (ONE, (True, False, False)),
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP}, (True, True, False)),
        (ONE | {"SLACK_APP_TOKEN": APP}, (True, True, False)),
        (MANY, (True, False, True)),
        (without("SLACK_SIGNING_SECRET", **MANY) | {"SLACK_APP_TOKEN": APP}, (True, True, True)),
    ],
)
def test_there_are_four_ways(environ, expected):
    """One workspace or many, over HTTP or Socket Mode, which needs no signing secret."""
    assert modes(read(**environ)) == expected


@pytest.mark.parametrize("base", [ONE, {"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP}, MANY])
def test_nothing_that_an_app_needs_may_be_missing(base):
    """Whichever of its variables is left out: the fault is told, and says of which one."""
    for variable in base:
        told = faults(**without(variable, **base))
        assert any(variable in f"{name} {words}" for name, words in told.items()), variable


def test_all_that_is_missing_is_told_at_once():
    """Each by its own name."""
    told = faults(SLACK_CLIENT_ID="11.22")
    needed = "SLACK_CLIENT_SECRET SLACK_SIGNING_SECRET ENCRYPTION_KEY PUBLIC_URL"
    assert " ".join(told) == needed
    assert all("is missing" in words for words in told.values())


def test_one_workspace_and_many_exclude_each_other():
    """That is all there is to say, whatever the many would need besides."""
    told = faults(**ONE, SLACK_CLIENT_ID="11.22")
    assert list(told) == ["SLACK_CLIENT_ID"]
    assert "together with SLACK_BOT_TOKEN" in told["SLACK_CLIENT_ID"]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-hush-4711", "begins xoxb-"),
        ("SLACK_BOT_TOKEN", APP, "begins xoxb-"),
        ("SLACK_BOT_TOKEN", "xoxb-", "no token has"),
        ("SLACK_BOT_TOKEN", "xoxb-hush 4711", "no token has"),
        ("SLACK_APP_TOKEN", BOT, "begins xapp-"),
        ("SLACK_APP_TOKEN", "xapp-hüsh-4711", "no token has"),
        ("SLACK_SIGNING_SECRET", "hush471", "no signing secret"),
        ("SLACK_SIGNING_SECRET", "hush 4711 hush", "no signing secret"),
        ("SLACK_SIGNING_SECRET", f"{SIGNING}1,{SIGNING}2,{SIGNING}3", "more than two"),
        ("SLACK_DM", "hush4711", "not a known value"),
        ("SLACK_API_URL", "http://hush4711.example/api/", "not an https:// address"),
        ("SLACK_API_URL", "https://hush4711.example/api/?x=1", "not an https:// address"),
        ("PUBLIC_URL", "http://hush4711.example", "not the https:// address"),
        ("PUBLIC_URL", "hush4711.example", "not the https:// address"),
        ("PUBLIC_URL", "https://me:hush4711@chat.example", "not the https:// address"),
        ("PUBLIC_URL", "https://chat.example/?hush=4711", "not the https:// address"),
        ("PUBLIC_URL", "https://hush..4711", "not the https:// address"),
        ("PUBLIC_URL", f"https://{'hush4711' * 8}.example", "not the https:// address"),
        ("PUBLIC_URL", "https://<hush4711>", "not the https:// address"),
        ("PUBLIC_URL", "https://chat.example,http://hush4711.example", "not the https:// address"),
        ("PUBLIC_URL", ",", "not the https:// address"),
        ("SLACK_API_URL", "https://hush..4711", "not an https:// address"),
        ("ENCRYPTION_KEY", "hush4711", "not 32 bytes"),
        ("ENCRYPTION_KEY", f"{KEY},hush!4711", "not 32 bytes"),
        ("ENCRYPTION_KEY", f"{new_key()},{new_key()},{new_key()}", "more than two"),
    ],
)
def test_a_value_of_another_kind_is_refused(variable, value, words):
    """By its variable alone, and never repeated."""
    told = faults(**(ONE | {variable: value}))
    assert list(told) == [variable]
    assert words in told[variable]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SLACK_CLIENT_ID", "hush 4711", "no client ID has"),
        ("SLACK_CLIENT_SECRET", "hush 4711", "no secret has"),
    ],
)
def test_credentials_are_plain(variable, value, words):
    """What many workspaces need is checked as well."""
    told = faults(**(MANY | {variable: value}))
    assert list(told) == [variable]
    assert words in told[variable]


def test_what_is_of_no_use_alone_is_a_fault():
    """A forgotten token is not taken for an app that is off."""
    assert "SLACK_BOT_TOKEN" in faults(SLACK_SIGNING_SECRET=SIGNING)["SLACK_SIGNING_SECRET"]
    assert list(faults(SLACK_APP_TOKEN=APP, SLACK_SIGNING_SECRET=SIGNING)) == ["SLACK_APP_TOKEN"]
    assert "SLACK_CLIENT_ID" in faults(SLACK_CLIENT_SECRET="hush-4711")["SLACK_CLIENT_SECRET"]


def test_secrets_may_be_changed_without_a_gap():
    """The new one is first, the old one behind a comma."""
    other = new_key()
    settings = read(
        **(
            MANY
            | {"SLACK_SIGNING_SECRET": f"{SIGNING}2, {SIGNING}", "ENCRYPTION_KEY": f"{other},{KEY}"}
        )
    )
    signing = [each.get_secret_value() for each in settings.slack_signing_secret]
    assert signing == [f"{SIGNING}2", SIGNING]
    assert [each.get_secret_value() for each in settings.encryption_key] == [other, KEY]


def test_addresses_have_one_form():
    """The public one without a slash at its end, and Slack's with one."""
    settings = read(PUBLIC_URL="https://chat.example/bot//", SLACK_API_URL="http://127.0.0.1:9/api")
    assert settings.public_url == "https://chat.example/bot"
    assert settings.slack_api_url == "http://127.0.0.1:9/api/"
    assert read(PUBLIC_URL="http://localhost:8000/").public_url == "http://localhost:8000"
    assert read(PUBLIC_URL="https://[::1]:8443/bot").public_url == "https://[::1]:8443/bot"
    assert read(PUBLIC_URL="https://Chat.Example").public_url == "https://Chat.Example"
    assert read().slack_api_url == "https://slack.com/api/"


def test_the_world_may_reach_us_under_several_addresses(tmp_path):
    """Each once; the first is the one that others are told."""
    several = "https://chat.example/bot/ , https://old.example,https://chat.example/bot"
    file = tmp_path / ".env"
    file.write_text(f"PUBLIC_URL={several}\n")
    for settings in (read(PUBLIC_URL=several), load({}, file)):
        assert settings.public_url == "https://chat.example/bot"
        assert settings.public_urls == ("https://chat.example/bot", "https://old.example")
    assert read().public_urls == ()


def test_direct_messages_are_answered_in_threads_unless_told_otherwise():
    """In any case of letters."""
    assert read().slack_dm == "threads"
    assert read(SLACK_DM=" Classic ").slack_dm == "classic"


def test_settings_that_are_shown_show_no_secret():
    """Neither by repr, nor one by one."""
    settings = read(**(MANY | {"SLACK_APP_TOKEN": APP}))
    for secret in (SIGNING, KEY, APP, "hush-4711"):
        assert secret not in repr(settings)
        assert secret not in str(settings.slack_signing_secret)


def test_no_part_of_the_settings_hides_a_check_of_another():
    """Of two validators with one name only one would be asked, and nobody would notice."""
    checks = [
        set(part.__pydantic_decorators__.field_validators) & set(vars(part))
        for part in (Settings, WebSettings, SlackSettings)
    ]
    assert all(checks)
    assert len(set.union(*checks)) == sum(map(len, checks))
