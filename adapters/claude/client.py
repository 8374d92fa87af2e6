"""The client: one call of `stream` is one request."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from adapters.claude.events import Parser
from adapters.claude.faults import Fault, error_of, read_fault
from adapters.claude.request import OPTIONS, SIMPLE, Option, body, unknown
from core.errors import GatewayError
from core.types import Done, Piece, Prompt, Text

if TYPE_CHECKING:
    import httpx2

ANTHROPIC = "https://api.anthropic.com"
NO_KEY = "no-key"
"""Sent where there is no key: local servers ask for none, others then say what they miss."""
BURST = 4096
"""Bytes between two pulls, from which on it pays not to read while nobody pulls."""
LINGER = 0.25
"""Seconds that a whole answer's connection is given to end properly, so that it can be reused."""


class Refused(Exception):
    """The server answered with something else than an answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Claude:
    """A `Model` over HTTP. Every call is made once: whoever calls decides about another.

    `full_body` is for Anthropic's own servers: it asks for caching and for `effort`. Options
    that a model turns out not to know are left out for it from then on. Without `full_body`
    only the fields are sent that every server knows. Of the environment it heeds no
    ANTHROPIC_* variable, only proxies.
    """

    def __init__(  # noqa: PLR0913 - each is a setting, and named
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        full_body: bool,
        effort: str = "low",
        transport: Literal["aiohttp", "httpx2"] = "aiohttp",
        read_timeout: float = 60.0,
    ) -> None:
        import aiohttp  # noqa: PLC0415 - the command line should not wait for these three
        import anthropic  # noqa: PLC0415
        import httpx2  # noqa: PLC0415

        self._key = api_key or NO_KEY
        self._full_body = full_body
        self._effort = effort
        self._options: dict[str, frozenset[Option]] = {}
        # While an answer is read, the transport lets aiohttp's own errors through.
        self._broke = (Refused, httpx2.HTTPError, aiohttp.ClientError, OSError)
        timeout = httpx2.Timeout(connect=5, read=read_timeout, write=20, pool=5)
        self._http = _http(transport, timeout)
        self._client = anthropic.AsyncAnthropic(
            api_key=self._key,
            base_url=mend(base_url or ANTHROPIC),
            http_client=self._http,
            max_retries=0,
            open_telemetry={"traces": {"enabled": False}, "propagation": False},
        )
        # The SDK adds the headers of ANTHROPIC_CUSTOM_HEADERS and has no switch against it.
        self._client._custom_headers = self._headers()  # noqa: SLF001
        # What the SDK would put together for each call, put together once: half its cost.
        defaults = {name.lower(): value for name, value in self._client.default_headers.items()}
        defaults["content-type"] = "application/json"
        headers = {name: value for name, value in defaults.items() if isinstance(value, str)}
        self._request = partial(
            httpx2.Request,
            "POST",
            httpx2.URL(f"{str(self._client.base_url).rstrip('/')}/v1/messages"),
            headers=httpx2.Headers(headers),
            extensions={"timeout": timeout.as_dict()},
        )

    async def close(self) -> None:
        """Close all connections. The object is of no use afterwards."""
        await self._client.close()

    async def stream(self, prompt: Prompt, model: str) -> AsyncGenerator[Piece, None]:
        """See `core.ports.Model.stream`."""
        try:
            response = await self._ask(prompt, model)
        except self._broke as error:
            raise self._error(self._fault(error), prompt) from None
        parser = Parser(cache=prompt.cache or "5m", lenient=not self._full_body)
        chunks = _chunks(response)
        try:
            fast = True  # until the first pause has shown how fast it comes
            async for chunk in chunks:
                with _held(response) if fast else nullcontext():
                    for piece in parser.feed(chunk):
                        fast = len(chunk) >= BURST or not isinstance(piece, Text)
                        yield piece
                if parser.ended:
                    break
            for piece in parser.end():
                yield piece
        except self._broke as error:
            parser.ended = self._fault(error)
        finally:
            await self._leave(response, chunks, whole=isinstance(parser.ended, Done))
        if isinstance(parser.ended, Fault):
            request_id = response.headers.get("request-id", "")
            raise self._error(replace(parser.ended, request_id=request_id), prompt)

    async def _ask(self, prompt: Prompt, model: str) -> "httpx2.Response":
        """Send the request, again without the options that the server says it doesn't know."""
        options = self._options.get(model, OPTIONS if self._full_body else SIMPLE)
        while True:
            try:
                response = await self._post(await self._body(prompt, model, options))
            except Refused as error:
                left = options - self._unknown(error.fault.message)
                if left == options or error.fault.status not in {400, 422}:
                    raise
                options = left
            else:
                self._options[model] = options
                return response

    def _unknown(self, message: str) -> frozenset[Option]:
        """What a refusal says is unknown here; at Anthropic's, one file is at fault, not all."""
        return unknown(message) - SIMPLE if self._full_body else unknown(message)

    async def _body(self, prompt: Prompt, model: str, options: frozenset[Option]) -> bytes:
        if any(message.files for message in prompt.messages):
            # Megabytes, for which nobody else should have to wait.
            return await asyncio.to_thread(body, prompt, model, options, self._effort)
        return body(prompt, model, options, self._effort)

    async def _post(self, content: bytes) -> "httpx2.Response":
        """Send the bytes; the response of an answer that begins. Raises `Refused`."""
        response = await self._http.send(self._request(content=content), stream=True)
        if response.is_success:
            return response
        try:
            told = _parsed(await response.aread())
        finally:
            await response.aclose()
        raise Refused(read_fault(response.status_code, response.headers, told, time.time()))

    async def _leave(
        self, response: "httpx2.Response", chunks: AsyncGenerator[bytes, None], *, whole: bool
    ) -> None:
        """Let the connection go: back to the pool after a whole answer, else closed at once."""
        try:
            if whole:
                with contextlib.suppress(*self._broke):
                    async with asyncio.timeout(LINGER):
                        async for _ in chunks:
                            pass
        finally:
            await chunks.aclose()
            await response.aclose()

    def _fault(self, error: Exception) -> Fault:
        if isinstance(error, Refused):
            return error.fault
        cause = error.__cause__ or error
        return Fault(message=f"{type(cause).__name__}: {cause}")

    def _error(self, fault: Fault, prompt: Prompt) -> GatewayError:
        texts = (message.text for message in prompt.messages)
        return error_of(fault, (self._key, prompt.system, *texts))

    def _headers(self) -> dict[str, str]:
        headers = {"accept": "text/event-stream", "accept-encoding": "identity"}
        # Anthropic takes the SDK's `Authorization`; many others know `x-api-key` alone.
        return headers if self._full_body else {**headers, "x-api-key": self._key}


@contextmanager
def _held(response: "httpx2.Response") -> Iterator[None]:
    """Leave what comes meanwhile to the kernel: then it is read in one piece, not in hundreds.

    For a slow stream it would cost more than it saves. The transport has no public way to its
    connection; where there is none, nothing is held.
    """
    stream = getattr(response.stream, "_stream", None)
    connection = getattr(getattr(stream, "_aiohttp_response", None), "connection", None)
    if connection is None or connection.protocol is None:
        yield
        return
    protocol = connection.protocol
    protocol.pause_reading()
    try:
        yield
    finally:
        protocol.resume_reading()


def _parsed(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def mend(base_url: str) -> str:
    """`base_url` as the SDK wants it: without the `/v1` that it adds itself."""
    return base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def _http(
    transport: Literal["aiohttp", "httpx2"], timeout: "httpx2.Timeout"
) -> "httpx2.AsyncClient":
    import anthropic  # noqa: PLC0415 - as above
    import httpx2  # noqa: PLC0415

    clients = {
        "aiohttp": anthropic.DefaultAioHttpClient,
        "httpx2": anthropic.DefaultAsyncHttpxClient,
    }
    # People pause: the SDK's 5 s of keeping a connection would mean a new one for every turn.
    limits = httpx2.Limits(
        max_connections=1000, max_keepalive_connections=200, keepalive_expiry=300
    )
    # A redirect would carry the key and the conversation to a host that nobody named.
    return clients[transport](limits=limits, timeout=timeout, follow_redirects=False)


def _chunks(response: "httpx2.Response") -> AsyncGenerator[bytes, None]:
    """The body as it comes, one item a socket read."""
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    # Where nothing is encoded, `aiter_bytes` does nothing, in 0.7 us a read.
    stream = cast("httpx2.AsyncByteStream", response.stream)
    return cast("AsyncGenerator[bytes, None]", aiter(stream))
