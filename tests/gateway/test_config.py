import logging
from pathlib import Path

import pytest

from core.errors import Misconfigured
from gateway.config import PROMPT, Settings, load

SECRET = "sk-ant-hush-4711"
LOCAL = "http://127.0.0.1:11434"


def read(**environ):
    return load(environ, None)


def faults(**environ):
    with pytest.raises(Misconfigured) as refused:
        read(**environ)
    return str(refused.value)


def test_nothing_set_is_a_demo_on_loopback():
    """With no variable set the gateway answers on this machine, from a file, without a key."""
    settings = read()
    assert settings.demo
    assert (settings.host, settings.ports) == ("127.0.0.1", (8000,))
    assert settings.database_url == "sqlite:///data/gateway.db"
    assert settings.web_auth == ("open",)


def test_defaults_last():
    """A session idles for a day, a stopping server waits 20 seconds, and logs tell of turns."""
    settings = read()
    assert (settings.session_ttl, settings.shutdown_grace) == (86400, 20)
    assert (settings.log_level, settings.log_format) == ("info", "auto")


@pytest.mark.parametrize("variable", [f.upper() for f in Settings.model_fields])
def test_empty_is_unset(variable):
    """An empty or blank variable counts as if it were not there."""
    assert read(**{variable: ""}) == read(**{variable: "  "}) == read()


def test_unknown_variables_are_passed_over():
    """What belongs to other programs is no fault, nor is a name in small letters one of ours."""
    assert read(PATH="/bin", MODELS="x", port="17", PORT="18").port == 18


def test_the_file_fills_in_what_the_environment_leaves_out(tmp_path):
    """A `.env` file is read too; the environment wins, unless its variable is empty."""
    file = tmp_path / ".env"
    file.write_text('PORT=9000\nMODEL="from-file"\nUNKNOWN=1\n# HOST=0.0.0.0\n')
    settings = load({"PORT": "9001", "MODEL": ""}, file)
    assert (settings.port, settings.model, settings.host) == (9001, "from-file", "127.0.0.1")


def test_the_file_is_looked_for_in_the_working_directory(tmp_path, monkeypatch):
    """Without being told of a file, `load` reads `.env` where the process was started."""
    (tmp_path / ".env").write_text("PORT=9002\n")
    monkeypatch.chdir(tmp_path)
    assert load({}).port == 9002


def test_a_missing_file_is_no_fault(tmp_path):
    """There need not be a `.env` file."""
    assert load({}, tmp_path / "none.env") == read()


def test_a_file_that_is_not_text_is_a_fault_without_its_bytes(tmp_path):
    """A `.env` file that cannot be decoded is refused by name, and not quoted."""
    file = tmp_path / ".env"
    file.write_bytes(b"ANTHROPIC_API_KEY=" + SECRET.encode() + b"\xff")
    with pytest.raises(Misconfigured, match=r"\.env: cannot be read") as refused:
        load({}, file)
    assert SECRET not in str(refused.value)


def test_settings_made_by_hand_read_no_environment(monkeypatch):
    """A test that makes `Settings(...)` is not changed by the shell that it runs in."""
    monkeypatch.setenv("PORT", "17")
    assert Settings(log_level="debug").port == 8000


def test_every_fault_is_told_at_once_each_with_its_variable():
    """One start is enough to learn of everything that is wrong, one line a fault."""
    lines = faults(
        HOST="0.0.0.0",  # noqa: S104
        PORT="high",
        COMPAT_PORTS="3000,x,70000",
        DATABASE_URL="mysql://db/x",
        ANTHROPIC_BASE_URL="localhost:11434",
        MODEL_API="openai",
        MODEL="two words",
        WEB_AUTH="password",
        SESSION_TTL="0",
        SHUTDOWN_GRACE="soon",
        LOG_LEVEL="loud",
        LOG_FORMAT="xml",
    ).splitlines()
    named = [line.partition(":")[0] for line in lines]
    assert " ".join(named) == (
        "WEB_AUTH HOST PORT COMPAT_PORTS COMPAT_PORTS DATABASE_URL ANTHROPIC_BASE_URL MODEL_API"
        " MODEL SESSION_TTL SHUTDOWN_GRACE LOG_LEVEL LOG_FORMAT"
    )
    assert all(". To mend it, set " in line for line in lines)


def test_a_wrong_entry_of_a_list_is_counted():
    """In a list of ports the fault says which entry is meant."""
    assert faults(COMPAT_PORTS="3000,x").startswith("COMPAT_PORTS: entry 2 is not a whole number")


# What any text will do for, or a file that is read later.
FREE = {"system_prompt", "jwt_secret", "persona", "personas_dir"}


@pytest.mark.parametrize(
    "variable",
    [f.upper() for f in Settings.model_fields if f not in FREE],
)
def test_no_fault_repeats_a_value(variable):
    """A secret is not told, whichever variable it was pasted into, nor by what is chained on."""
    with pytest.raises(Misconfigured) as refused:
        read(**{variable: f"{SECRET} {SECRET}"})
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@db/x",
        f"postgres://me:{SECRET}:x@db:port/x",
        f"sqlite://{SECRET}/x",
        f"{SECRET}://db",
        SECRET,
    ],
)
def test_a_wrong_database_url_keeps_its_password(url):
    """A fault in `DATABASE_URL` says what is wrong and never what it holds."""
    told = faults(DATABASE_URL=url)
    assert told.startswith("DATABASE_URL: ")
    assert SECRET not in told


def test_settings_print_no_secret():
    """Printing the settings shows neither the key nor a password in a URL."""
    settings = read(
        ANTHROPIC_API_KEY=SECRET,
        ANTHROPIC_BASE_URL=f"https://me:{SECRET}@proxy.example",
        DATABASE_URL=f"postgres://me:{SECRET}@db/x",
    )
    assert SECRET not in f"{settings!r} {settings}"
    assert settings.anthropic_api_key.get_secret_value() == SECRET


def test_reading_settings_logs_no_secret(tmp_path, caplog):
    """A line of the file that cannot be understood is not quoted in a log."""
    file = tmp_path / ".env"
    file.write_text(f"'ANTHROPIC_API_KEY {SECRET}\n")
    with caplog.at_level(logging.DEBUG):
        load({}, file)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("key", [f"{SECRET}\nx", f"{SECRET} x", f"{SECRET}é"])
def test_a_key_that_no_header_can_carry_is_a_fault(key):
    """A key with a space, a line break or an accent is refused before a client would quote it."""
    assert faults(ANTHROPIC_API_KEY=key).startswith("ANTHROPIC_API_KEY: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_loopback_hosts_need_no_web_auth(host):
    """Everything that only this machine reaches may be served without signing in."""
    assert read(HOST=host).host == host


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.1", "::ffff:127.0.0.1"],  # noqa: S104
)
def test_other_hosts_are_refused_without_web_auth(host):
    """What others may reach, or what is in doubt, is not served without web auth."""
    told = faults(HOST=host)
    assert told.startswith("HOST: is not a loopback address")
    assert "127.0.0.1" in told


def test_unknown_ways_to_sign_in_are_refused():
    """A misspelt way to sign in never means open."""
    assert faults(WEB_AUTH="opne").startswith("WEB_AUTH: names a way to sign in that does not")


LONG = "a secret of more than thirty-two bytes"
TOKEN = "gw_0123456789abcdefghij"
PUBLIC_HOST = "0.0.0.0"  # noqa: S104
SITE = "https://shop.example"
PRIVATE = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "HOST"),
        ({"WEB_AUTH": "open,jwt", "JWT_SECRET": LONG}, "HOST"),
        ({"WEB_AUTH": "jwt"}, "JWT_SECRET"),
        ({"WEB_AUTH": "jwt", "JWT_SECRET": LONG}, ""),
        ({"WEB_AUTH": "jwt", "JWT_SECRET": "short"}, "JWT_SECRET"),
        ({"WEB_AUTH": "jwt", "JWT_SECRET": f"{LONG},short"}, "JWT_SECRET"),
        ({"WEB_AUTH": "jwt", "JWKS_URL": "https://id.example/keys?p=1"}, ""),
        ({"WEB_AUTH": "jwt", "JWKS_URL": "http://id.example/keys"}, "JWKS_URL"),
        ({"WEB_AUTH": "jwt", "JWT_PUBLIC_KEY": PRIVATE}, "JWT_PUBLIC_KEY"),
        ({"WEB_AUTH": "apikey"}, "API_TOKEN"),
        ({"WEB_AUTH": "apikey", "API_TOKEN": TOKEN}, ""),
        ({"WEB_AUTH": "apikey", "API_TOKEN": "short"}, "API_TOKEN"),
        ({"WEB_AUTH": "apikey", "API_TOKEN": f"{TOKEN},short"}, "API_TOKEN"),
        ({"WEB_AUTH": "apikey", "API_TOKEN": TOKEN, "ADMIN_TOKEN": TOKEN}, "ADMIN_TOKEN"),
        ({"WEB_AUTH": "apikey", "API_TOKEN": TOKEN, "ADMIN_TOKEN": "short"}, "ADMIN_TOKEN"),
        ({"WEB_AUTH": "visitor"}, "JWT_SECRET WEB_ORIGINS"),
        ({"WEB_AUTH": "visitor", "JWT_SECRET": LONG}, "WEB_ORIGINS"),
        ({"WEB_AUTH": "visitor", "JWT_SECRET": LONG, "WEB_ORIGINS": "*"}, "WEB_ORIGINS"),
        ({"WEB_AUTH": "visitor", "JWT_SECRET": LONG, "WEB_ORIGINS": f"{SITE},null"}, "WEB_ORIGINS"),
        ({"WEB_AUTH": "visitor", "JWT_SECRET": LONG, "WEB_ORIGINS": SITE}, ""),
        ({"WEB_AUTH": "visitor", "JWT_SECRET": "short", "WEB_ORIGINS": SITE}, "JWT_SECRET"),
        ({"WEB_AUTH": "visitor,apikey,jwt"}, "API_TOKEN JWT_SECRET WEB_ORIGINS"),
        ({"WEB_AUTH": "jwt", "JWT_SECRET": LONG, "WEB_ORIGINS": "*"}, ""),
    ],
)
def test_a_public_server_starts_with_what_it_needs_alone(environ, named):
    """What WEB_AUTH asks for has to be there and be strong; all that is not is told at once."""
    if not named:
        assert read(HOST=PUBLIC_HOST, **environ).host == PUBLIC_HOST
        return
    told = faults(HOST=PUBLIC_HOST, **environ)
    assert " ".join(line.partition(":")[0] for line in told.splitlines()) == named
    assert LONG not in told
    assert TOKEN not in told
    assert "gateway token" in told or "set" in told


@pytest.mark.parametrize(
    "environ",
    [
        {"WEB_AUTH": "jwt", "JWT_SECRET": "short"},
        {"WEB_AUTH": "apikey", "API_TOKEN": "short", "ADMIN_TOKEN": "admin"},
        {"WEB_AUTH": "Open, JWT", "JWT_SECRET": "short"},
    ],
)
def test_on_this_machine_a_key_may_be_short(environ):
    """Whoever tries things out need not make up long keys; `gateway doctor` speaks of them."""
    assert read(**environ).host == "127.0.0.1"


def test_a_public_key_is_no_secret():
    """What everybody may know is refused as the secret, however its line breaks are written."""
    pem = "-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----"
    assert faults(JWT_SECRET=pem).startswith("JWT_SECRET: is a key of another kind")
    assert faults(JWT_SECRET='{"kty": "oct"}').startswith("JWT_SECRET: is a key of another kind")


def test_a_key_with_its_old_one_is_two():
    """While a key or a secret is changed, the new one comes first and the old one counts too."""
    settings = read(JWT_SECRET="new, old", API_TOKEN="n,o,n")
    assert [each.get_secret_value() for each in settings.jwt_secret] == ["new", "old"]
    assert [each.get_secret_value() for each in settings.api_token] == ["n", "o"]


def test_no_key_is_printed():
    """Printing the settings shows no key of the web side."""
    settings = read(JWT_SECRET=SECRET, API_TOKEN=SECRET, ADMIN_TOKEN=f"{SECRET}2")
    assert SECRET not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://a.example", "https://a.example"),
        ("https://A.example/, http://b.example:8080", "https://a.example http://b.example:8080"),
        ("https://a.example:443,http://a.example:80", "https://a.example http://a.example"),
        ("http://[::1]:3000,*,null", "http://[::1]:3000 * null"),
    ],
)
def test_origins_are_as_browsers_send_them(given, origins):
    """Small letters, no slash at the end, no port that goes without saying."""
    assert read(WEB_ORIGINS=given).web_origins == tuple(origins.split())


@pytest.mark.parametrize(
    "given",
    [
        *("a.example", "https://", "https://a.example/path", "ftp://a.example", "https://a b"),
        *("https://*.example", "https://a.example:port", "https://a.example:", "https://é.example"),
        *("https://a.example:0", "https://a.example:99999", "https://me@a.example", "https://a?x"),
    ],
)
def test_what_is_no_origin_is_refused(given):
    """An origin that no browser would send lets nobody in, so it is a fault."""
    assert faults(WEB_ORIGINS=given).startswith("WEB_ORIGINS: names ")


@pytest.mark.parametrize("rate", ["20/minute", "5 per second", "20/minute;200/day", "none", "None"])
def test_limits_are_messages_per_time(rate):
    """One limit, several, or none."""
    assert read(RATE_LIMIT=rate).rate_limit == rate


@pytest.mark.parametrize(
    "rate", ["20", "many/minute", "0/minute", "20/fortnight", "999999/day", "1/year", "-1/minute"]
)
def test_what_is_no_limit_is_refused(rate):
    """A limit that cannot be kept, or lets nothing through, is a fault."""
    assert faults(RATE_LIMIT=rate).startswith("RATE_LIMIT: is not ")


def test_proxies_are_addresses_and_networks():
    """Both are taken, of either kind."""
    proxies = read(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7,fd00::/8").trusted_proxies
    assert [str(each) for each in proxies] == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]


@pytest.mark.parametrize("given", ["proxy.example", "10.0.0.0/99", "*", "0.0.0.0/0", "::/0"])
def test_who_cannot_be_trusted_is_refused(given):
    """Neither names, which others may change, nor everybody."""
    assert faults(TRUSTED_PROXIES=given).startswith("TRUSTED_PROXIES: ")


def test_ports_are_in_order_and_none_twice():
    """`ports` begins with `PORT`, then come the further ones as they are written."""
    assert read(PORT="8000", COMPAT_PORTS="3000, 8000,8080,3000").ports == (8000, 3000, 8080)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/gateway.db",
        "sqlite:///here.db",
        "postgres://me:p%40ss@db:5432/chat?sslmode=require",
        "postgresql://db/chat",
    ],
)
def test_database_urls_are_taken_as_hosting_platforms_write_them(url):
    """SQLite files and PostgreSQL under either of its names are accepted, and kept as written."""
    assert read(DATABASE_URL=url).database_url == url


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite://data/gateway.db"])
def test_sqlite_needs_a_file(url):
    """A database that is gone after a restart, or a path with a slash too few, is a fault."""
    assert faults(DATABASE_URL=url).startswith("DATABASE_URL: ")


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://x:port", "http://x/?a=b", "http://x/v1", "x"]
)
def test_a_base_url_that_cannot_work_is_a_fault(url):
    """A base URL is checked at the start, also for the /v1 that the client adds by itself."""
    assert faults(ANTHROPIC_BASE_URL=url).startswith("ANTHROPIC_BASE_URL: ")


def test_a_base_url_loses_its_last_slash():
    """Paths can be put after the base URL as it stands."""
    assert read(ANTHROPIC_BASE_URL=f"{LOCAL}/").anthropic_base_url == LOCAL


@pytest.mark.parametrize(
    "environ", [{"ANTHROPIC_API_KEY": "k"}, {"ANTHROPIC_BASE_URL": LOCAL}], ids=["key", "url"]
)
def test_a_key_or_a_base_url_ends_the_demo(environ):
    """Either says where a model is, so the demo model is not used."""
    assert not read(**environ).demo


@pytest.mark.parametrize(
    ("environ", "full"),
    [
        ({}, True),
        ({"ANTHROPIC_BASE_URL": "https://api.anthropic.com"}, True),
        ({"ANTHROPIC_BASE_URL": LOCAL}, False),
        ({"ANTHROPIC_BASE_URL": "https://api.anthropic.com.example.org"}, False),
        ({"ANTHROPIC_BASE_URL": LOCAL, "MODEL_API": "Anthropic"}, True),
        ({"MODEL_API": "compatible"}, False),
    ],
)
def test_the_full_body_goes_to_anthropic_or_where_it_is_asked_for(environ, full):
    """`auto` decides by the host; the other two values decide by themselves."""
    assert read(**environ).full_body is full


@pytest.mark.parametrize(
    ("environ", "models"),
    [
        ({}, "claude-sonnet-5-5 claude-opus-5-5 claude-haiku-5-5"),
        ({"MODEL": "claude-opus-5-5"}, "claude-opus-5-5 claude-haiku-5-5"),
        ({"MODEL": "llama", "ANTHROPIC_BASE_URL": LOCAL}, "llama"),
        ({"ANTHROPIC_BASE_URL": LOCAL}, "claude-sonnet-5-5 claude-opus-5-5 claude-haiku-5-5"),
        ({"MODEL": "a", "ANTHROPIC_BASE_URL": LOCAL, "MODEL_FALLBACKS": "b, a,c,b"}, "a b c"),
        ({"MODEL": "a", "MODEL_FALLBACKS": "none"}, "a"),
    ],
)
def test_models_are_in_order_and_none_twice(environ, models):
    """The first choice and its fallbacks; none for another's server whose one model is named."""
    assert read(**environ).models == tuple(models.split())


def test_the_system_prompt_is_the_same_bytes_every_time():
    """The default prompt does not change with time or place, so that prompt caching holds."""
    assert read().system_prompt == PROMPT == load({}, Path("none.env")).system_prompt
    assert PROMPT.isascii()
