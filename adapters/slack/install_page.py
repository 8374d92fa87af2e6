"""The few pages that somebody sees who installs the app."""

from html import escape

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;"
    "color:#1d1c1d;background:#fff}h1{font-size:1.5rem}"
    "a{display:inline-block;padding:.6rem 1.2rem;border-radius:.4rem;background:#4a154b;"
    "color:#fff;text-decoration:none}a:focus-visible{outline:3px solid #1264a3}"
    "@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#1a1d21}}"
)

# What to tell whoever pressed the button, by what went wrong: a title, and what to do.
FAILURES = {
    "access_denied": (
        "Nothing was installed",
        "You did not allow it in Slack. If that was a mistake, begin again.",
    ),
    "invalid_browser": (
        "Please begin again",
        "It was begun in another browser, or is over. If Slack shows the app, all is done.",
    ),
    "invalid_state": ("Please begin again", "It took too long, and the install has expired."),
    "missing_code": ("Please begin again", "Slack's answer did not come here whole."),
    "invalid_code": (
        "Please begin again",
        "Slack has forgotten this install, or it is over. If Slack shows the app, all is done.",
    ),
    "slack_refused": (
        "Slack refused the install",
        "The app's settings don't fit. Whoever runs this server finds the reason in its log.",
    ),
    "slack_unreachable": (
        "Slack did not answer",
        "Nothing was installed. Please begin again in a minute.",
    ),
    "not_stored": (
        "The install could not be stored",
        "This server's database is out of reach. Please begin again in a minute.",
    ),
}
OTHERWISE = ("Nothing was installed", "Slack did not say why. Please begin again.")


def begin(url: str) -> str:
    """Where it begins; `url` is Slack's page, on which somebody agrees."""
    words = "Slack shows what the app may do before you agree to it."
    return _page("Add the app to Slack", words, link=url, label="Add to Slack")


def done(*, name: str, team: str, app: str) -> str:
    """It worked; the link opens the app in Slack's own program."""
    where = f"The app is now in {name}." if name else "The app is installed."
    words = f"{where} Send it a direct message, or mention it in a channel that it was invited to."
    return _page("Done", words, link=f"slack://app?team={team}&id={app}", label="Open Slack")


def failed(reason: str, *, again: str) -> str:
    """It did not work; `again` is where it begins."""
    title, words = FAILURES.get(reason, OTHERWISE)
    return _page(title, words, link=again, label="Begin again")


def _page(title: str, words: str, *, link: str, label: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(words)}</p>"
        f'<p><a href="{escape(link)}">{escape(label)}</a></p></main></body></html>'
    )
