"""What a call will cost, before it is made."""

from collections.abc import Iterator

from core import kinds
from core.pricing import Price
from core.types import Prompt

ANSWER_TOKENS = 500  # an answer in a chat has less than that nearly always
FILE_TOKENS = 1600  # a picture, or a page
CHARACTERS = 3.2  # of English in a token; of other writing, bytes
PDF_BYTES = 100  # in a token, as a rule


def estimate(prompt: Prompt, price: Price | None) -> int:
    """What a call will hardly cost more than, in nano-dollars; 0 for a price that is not known.

    All of the prompt at the dearest price that its tokens may have, as if nothing of it was cached
    before, and an answer of 500 tokens, or as many as may come. An answer may well be longer, and
    a long conversation is cheaper while it is cached: what is set aside is given back when the
    answer is there, so this decides only which call of a nearly spent budget is the last.
    """
    if price is None:
        return 0
    tokens = int(sum(map(_tokens, _texts(prompt)))) + sum(_file_tokens(prompt))
    writes = {"5m": price.cache_write_5m, "1h": price.cache_write_1h}
    rate = max(price.input, writes[prompt.cache]) if prompt.cache else price.input
    cost = tokens * rate + min(prompt.max_tokens, ANSWER_TOKENS) * price.output
    if price.long_prompt is not None and tokens > price.long_prompt:
        cost *= price.long_factor
    return -(-cost // 1000)


def _texts(prompt: Prompt) -> Iterator[str]:
    yield prompt.system
    yield from (message.text for message in prompt.messages)


def _tokens(text: str) -> float:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return size / CHARACTERS


def _file_tokens(prompt: Prompt) -> Iterator[int]:
    for message in prompt.messages:
        for file in message.files:
            pages = len(file.content) // PDF_BYTES if file.type == kinds.PDF else 0
            yield FILE_TOKENS + pages
