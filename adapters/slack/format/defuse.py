"""A model's Markdown with nothing in it that Slack would make live."""

import re

from adapters.slack.format.links import honest

_TOKEN = re.compile(r"<(?=[!@#hmtsHMTS])(?=[!@#]|(?i:https?|mailto|tel|slack):)")
_BEGINNINGS = ("!", "@", "#", "http:", "https:", "mailto:", "tel:", "slack:")
_LONGEST = max(map(len, _BEGINNINGS))


def shown(text: str, *, final: bool) -> str:
    """Markdown that mentions nobody, and whose links lead where they say.

    As long as a text is not `final`, it is shown without an end of at most some 2,000 characters,
    of which it is not known yet what it becomes: whatever is shown once stays as the text grows.
    """
    safe = honest(text, final=final)
    return _TOKEN.sub("&lt;", safe if final else _decided(safe))


def _decided(text: str) -> str:
    """A growing text without a last token that is only begun."""
    start = text.rfind("<", max(0, len(text) - _LONGEST))
    if start < 0 or _TOKEN.match(text, start):
        return text
    begun = text[start + 1 :].lower()
    return text[:start] if any(each.startswith(begun) for each in _BEGINNINGS) else text
