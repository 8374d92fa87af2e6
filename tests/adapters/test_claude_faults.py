"""What servers say went wrong, as core's errors."""

from datetime import UTC, datetime

import pytest

from adapters.claude.faults import Fault, error_of, read_fault, retry_after
from adapters.claude.request import unknown
from core.errors import (
    Overloaded,
    RateLimited,
    Rejected,
    TooLong,
    Transient,
    Unavailable,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "86400"}, 86400.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_the_wait_that_was_asked_for(headers: dict[str, str], seconds: float | None):
    """Milliseconds, seconds or a date; never negative, and rubbish is none."""
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", RateLimited),
        ("api_error", Transient),
        ("timeout_error", Transient),
        ("", Transient),
        ("brand_new_error", Transient),
        ("authentication_error", Unavailable),
        ("billing_error", Unavailable),
        ("permission_error", Unavailable),
        ("not_found_error", Unavailable),
        ("invalid_request_error", Rejected),
        ("request_too_large", TooLong),
    ],
)
def test_an_error_in_the_stream_is_told_by_its_type(kind: str, expected: type[Exception]):
    """There is no status to go by."""
    assert type(error_of(Fault(kind=kind))) is expected


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 1200000 tokens > 1000000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 21333 > 200000",
        "This model's maximum context length is 4096 tokens.",
        "the request exceeds the available context size",
        "Request exceeds the model's context window",
    ],
)
def test_a_prompt_too_long_is_told_from_other_refusals(message: str):
    """Each server says it in its own words."""
    assert type(error_of(Fault(status=400, message=message))) is TooLong


def test_no_credit_is_the_models_absence_not_the_requests_fault():
    """The API answers 400 to it; another provider may still answer."""
    message = "Your credit balance is too low to access the Anthropic API."
    fault = Fault(status=400, kind="invalid_request_error", message=message)
    assert type(error_of(fault)) is Unavailable


def test_a_message_is_one_short_line():
    """At most 200 characters and the request's id."""
    fault = Fault(status=500, kind="api_error", message="a\nb " * 200, request_id="req_1")
    line, _, tail = str(error_of(fault)).rpartition(" ")
    assert line.startswith("500 api_error: a b a b")
    assert "\n" not in line
    assert len(line) <= 200
    assert tail == "(req_1)"


def test_a_message_that_quotes_the_request_is_withheld():
    """Some servers show what they could not read; it was written by a person."""
    said = "My name is Ada and\nI live in a tower by the sea"
    fault = Fault(status=400, message=f"bad input: '{said[:40]}'", request_id="req_1")
    error = str(error_of(fault, ["", "hi", said]))
    assert "Ada" not in error
    assert error.endswith("(req_1)")


@pytest.mark.parametrize("key", ["sk-ant-api03-abcdef", "a-key-of-another-kind"])
def test_a_message_shows_no_key(key: str):
    """Neither the whole nor a masked `sk-…`."""
    fault = Fault(status=401, message=f"Incorrect key {key} or sk-an***cdef")
    error = str(error_of(fault, [key]))
    assert key not in error
    assert "cdef" not in error


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "m"),
        ({"error": "m"}, "m"),
        ({"message": "m", "code": 5}, "m"),
        ({"error": {"message": ["m"], "details": "d"}}, ""),
        ({"error": None}, ""),
        (["m"], ""),
        ("<html>m</html>", ""),
        (None, ""),
    ],
)
def test_a_body_may_have_any_form(body: object, message: str):
    """What is not understood is left out, and the status decides."""
    fault = read_fault(502, {"x-request-id": "r"}, body, NOW)
    assert (fault.message, fault.request_id) == (message, "r")
    assert type(error_of(fault)) is Transient


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("output_config: Extra inputs are not permitted", {"output_config"}),
        ("This model does not support the effort parameter.", {"output_config"}),
        ("system.0.cache_control.ttl: Extra inputs are not permitted", {"cache_control"}),
        ("system: Input should be a valid string", {"cache_control"}),
        ("Unknown fields: cache_control, output_config", {"cache_control", "output_config"}),
        ("A maximum of 4 blocks with cache_control may be provided. Found 5.", set()),
        ("cache_control cannot be set for empty text blocks", set()),
        ("metadata: Extra inputs are not permitted", set()),
    ],
)
def test_which_options_a_refusal_calls_unknown(message: str, named: set[str]):
    """One that is known, but used wrongly, is no reason to do without it."""
    assert unknown(message) == named
