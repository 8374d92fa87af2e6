"""What is asked, as the bytes that go out."""

import re
from typing import Any, Literal, get_args

import msgspec

from core.kinds import PDF
from core.types import File, Prompt, PromptMessage

Option = Literal["cache_control", "output_config", "image", "document"]
LOOKBACK = 15  # blocks before a mark in which a provider surely looks for what it has kept
OPTIONS: frozenset[Option] = frozenset(get_args(Option))
"""What only Anthropic's own servers are sure to know."""
SIMPLE: frozenset[Option] = frozenset({"image", "document"})
"""What others may know too; it shows when there is something to be shown."""

_NAMED: dict[Option, re.Pattern[str]] = {
    "cache_control": re.compile(r"cache_control|\bttl\b|\bsystem\b.*valid string", re.IGNORECASE),
    "output_config": re.compile(r"output_config|\beffort\b", re.IGNORECASE),
    "image": re.compile(r"\bimages?\b|\bvision\b|multi-?modal", re.IGNORECASE),
    "document": re.compile(r"\bdocuments?\b|\bpdfs?\b", re.IGNORECASE),
}
_UNKNOWN = re.compile(
    r"extra (inputs|fields)|not permitted|not allowed|unsupported|not support|unknown|"
    r"unrecogni[sz]ed|unexpected|valid string|does not match any of the expected tags",
    re.IGNORECASE,
)
_encode = msgspec.json.Encoder().encode


def body(prompt: Prompt, model: str, options: frozenset[Option], effort: str) -> bytes:
    """The request for `prompt`, with those of the `options` that the server knows.

    Contents are plain strings; only what carries a `cache_control` is made of blocks, since
    each block costs time to write here and to read there.
    """
    messages: list[dict[str, Any]] = [
        {"role": message.role, "content": _content(message, options)} for message in prompt.messages
    ]
    system: Any = prompt.system
    if "cache_control" in options and prompt.cache is not None:
        messages[-1]["content"] = _kept(messages[-1]["content"], prompt.cache)
        if len(messages[-1]["content"]) > LOOKBACK and len(messages) > 2:
            # The provider would not look back as far as to where it was kept the last time.
            messages[-3]["content"] = _kept(messages[-3]["content"], prompt.cache)
        system = _kept(prompt.system, prompt.cache)
    asked = {"model": model, "max_tokens": prompt.max_tokens, "stream": True}
    if prompt.system.strip():
        asked["system"] = system
    if "output_config" in options:
        asked["output_config"] = {"effort": effort}
    return _encode(asked | {"messages": messages})


def _content(message: PromptMessage, options: frozenset[Option]) -> str | list[dict[str, Any]]:
    """A message's files, then its text; in words what the model is not able to see."""
    if not message.files:
        return message.text
    blocks = [_block(file) for file in message.files if _option(file) in options]
    unseen = [f"[A file, “{file.name}”.]" for file in message.files if _option(file) not in options]
    text = "\n\n".join(filter(None, [*unseen, message.text]))
    return [*blocks, {"type": "text", "text": text}] if text else blocks


def _option(file: File) -> Option:
    return "document" if file.type == PDF else "image"


def _block(file: File) -> dict[str, Any]:
    source = {"type": "base64", "media_type": file.type, "data": file.content}
    return {"type": _option(file), "source": source}


def _kept(content: str | list[dict[str, Any]], ttl: str) -> list[dict[str, Any]]:
    """Blocks up to whose last one the provider keeps the prompt."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def unknown(message: str) -> frozenset[Option]:
    """The options that a refusal calls unknown or unsupported.

    Others may be named too: that an option is used wrongly is no reason to stop using it.
    """
    if not _UNKNOWN.search(message):
        return frozenset()
    return frozenset(option for option, name in _NAMED.items() if name.search(message))
