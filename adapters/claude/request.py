"""What is asked, as the bytes that go out."""

import re
from typing import Any, Literal, get_args

import msgspec

from core.types import Prompt

Option = Literal["cache_control", "output_config"]
OPTIONS: frozenset[Option] = frozenset(get_args(Option))
"""What only Anthropic's own servers are sure to know; the answer does not depend on it."""

_NAMED: dict[Option, re.Pattern[str]] = {
    "cache_control": re.compile(r"cache_control|\bttl\b|\bsystem\b.*valid string", re.IGNORECASE),
    "output_config": re.compile(r"output_config|\beffort\b", re.IGNORECASE),
}
_UNKNOWN = re.compile(
    r"extra (inputs|fields)|not permitted|not allowed|unsupported|not support|unknown|"
    r"unrecogni[sz]ed|unexpected|valid string",
    re.IGNORECASE,
)
_encode = msgspec.json.Encoder().encode


def body(prompt: Prompt, model: str, options: frozenset[Option], effort: str) -> bytes:
    """The request for `prompt`, with those of the `options` that the server knows.

    Contents are plain strings; only what carries a `cache_control` is made of blocks, since
    each block costs time to write here and to read there.
    """
    messages: list[dict[str, Any]] = [
        {"role": message.role, "content": message.text} for message in prompt.messages
    ]
    system: Any = prompt.system
    if "cache_control" in options:
        messages[-1]["content"] = _kept(prompt.messages[-1].text, prompt.cache)
        system = _kept(prompt.system, prompt.cache)
    asked = {"model": model, "max_tokens": prompt.max_tokens, "stream": True}
    if prompt.system.strip():
        asked["system"] = system
    if "output_config" in options:
        asked["output_config"] = {"effort": effort}
    return _encode(asked | {"messages": messages})


def _kept(text: str, ttl: str) -> list[dict[str, Any]]:
    """One block of text, up to which the provider keeps the prompt."""
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def unknown(message: str) -> frozenset[Option]:
    """The options that a refusal calls unknown or unsupported.

    Others may be named too: that an option is used wrongly is no reason to stop using it.
    """
    if not _UNKNOWN.search(message):
        return frozenset()
    return frozenset(option for option, name in _NAMED.items() if name.search(message))
