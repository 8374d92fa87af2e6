"""OpenAI's chunks and completions, byte by byte."""

import json

import msgspec
import pytest

from adapters.web.dialects.openai import Chunks, completion
from core.text import NOTICES, apology
from core.types import Notice
from tests.adapters.web_openai.updates import (
    AWKWARD,
    END,
    FAILED,
    SPEECH,
    START,
    STOPPED,
    encoded,
    outcome,
    update,
)

TRUNCATED = NOTICES[Notice.TRUNCATED]
DONE = b"data: [DONE]\n\n"
FINISHES = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("something new", "stop"),
    ("stopped", "stop"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("interrupted", "length"),
    ("refusal", "content_filter"),
]


def chunks(*, usage: bool = False) -> Chunks:
    return Chunks(model="haiku", created=1700000000, usage=usage)


def line(choices: str, usage: str = "") -> bytes:
    """A chunk as it is on the wire."""
    return (
        'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,'
        f'"model":"haiku","choices":[{choices}]{usage}}}\n\n'
    ).encode()


def choice(delta: str, finish: str = "null") -> str:
    return f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}'


def said(data: bytes) -> str:
    """The words that a client has after these chunks."""
    deltas = [json.loads(each[6:])["choices"][0]["delta"] for each in data.split(b"\n\n")[:-2]]
    return "".join(delta.get("content", "") for delta in deltas)


def test_a_stream_is_these_bytes_and_no_others():
    """The role, the words, why it ended, and `[DONE]`: no ids, no names, no times to wait."""
    assert encoded(chunks(), SPEECH) == (
        line(choice('{"role":"assistant","content":""}'))
        + line(choice('{"content":"Hello"}'))
        + line(choice('{"content":" there"}'))
        + line(choice("{}", '"stop"'))
        + DONE
    )


def test_usage_comes_last_and_is_null_until_then():
    """Cached tokens are part of the prompt's."""
    spent = ',"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}'
    assert encoded(chunks(usage=True), SPEECH) == (
        line(choice('{"role":"assistant","content":""}'), ',"usage":null')
        + line(choice('{"content":"Hello"}'), ',"usage":null')
        + line(choice('{"content":" there"}'), ',"usage":null')
        + line(choice("{}", '"stop"'), ',"usage":null')
        + line("", spent)
        + DONE
    )


@pytest.mark.parametrize(("reason", "finish"), FINISHES)
def test_why_it_ended_is_told_in_openais_words(reason: str, finish: str):
    """In a stream as in a completion; a reason that nobody knows is a stop."""
    ended = outcome(stop_reason=reason)
    assert line(choice("{}", f'"{finish}"')) in chunks().encode(update(ended=ended))
    assert completion(ended, model="m", created=1).choices[0].finish_reason == finish


def test_a_failure_is_an_error_and_then_the_end():
    """The object that makes the SDKs raise, without a word of the provider's."""
    error = {
        "message": apology(7),
        "type": "server_error",
        "param": None,
        "code": "unavailable",
    }
    data = chunks(usage=True).encode(FAILED)
    assert data.endswith(b"\n\n" + DONE)
    assert json.loads(data.removesuffix(DONE)[6:]) == {"error": error}


def test_a_stopped_answer_has_ended():
    """Whoever reads along is not told of an error."""
    data = encoded(chunks(), [START, update("Hel"), STOPPED])
    assert data.endswith(line(choice("{}", '"stop"')) + DONE)


def test_every_event_is_one_line_whatever_is_said():
    """Line breaks and what looks like protocol stay inside of the JSON."""
    data = chunks().encode(update(AWKWARD))
    assert b"\r" not in data
    assert data.count(b"\n") == 2
    assert json.loads(data[6:])["choices"][0]["delta"]["content"] == AWKWARD


def test_words_that_are_taken_back_are_followed_by_what_replaces_them():
    """A client can only add: a paragraph begins."""
    data = encoded(chunks(), [START, update("Hello"), update("Bye", reset=True), END])
    assert said(data) == "Hello\n\nBye"


@pytest.mark.parametrize("words", [("Hello", TRUNCATED), (f"Hello{TRUNCATED}",)])
def test_words_about_the_length_are_left_to_finish_reason(words: tuple[str, ...]):
    """A program that asked for few tokens gets the answer's own words alone."""
    ended = outcome(stop_reason="max_tokens", text=f"Hello{TRUNCATED}")
    speech = map(update, words)
    assert said(encoded(chunks(), [START, *speech, update(ended=ended)])) == "Hello"
    assert said(encoded(chunks(), [START, update(f"Hello{TRUNCATED}", ended)])) == "Hello"
    assert completion(ended, model="m", created=1).choices[0].message.content == "Hello"


def test_a_model_that_says_the_same_words_is_heard():
    """Only what the gateway added is left out."""
    speech = [update(f"It says:{TRUNCATED}"), update(" So it does.")]
    assert said(encoded(chunks(), [START, *speech, END])) == f"It says:{TRUNCATED} So it does."
    assert said(encoded(chunks(), [START, speech[0], END])) == f"It says:{TRUNCATED}"


def test_a_completion_is_these_bytes():
    """The model that answered, the text, its tokens."""
    body = msgspec.json.encode(completion(outcome(), model="haiku", created=1700000000))
    assert body.decode() == (
        '{"id":"chatcmpl-7","object":"chat.completion","created":1700000000,"model":"sonnet",'
        '"choices":[{"index":0,"message":{"role":"assistant","content":"Hello there",'
        '"refusal":null},"logprobs":null,"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}'
    )
