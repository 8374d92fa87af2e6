"""`/v1`: OpenAI's Chat Completions, for its SDKs and all that speaks to them.

Stateless as the original: the client sends the whole conversation each time. `Accept` never
decides anything, as OpenAI's SDKs ask for JSON also when they stream.
"""

import asyncio
from contextlib import aclosing, suppress
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.dialects.openai import ChatCompletion, ChatCompletionChunk, Chunks, completion
from adapters.web.door.principal import caller
from adapters.web.errors import Refused
from adapters.web.failure import answered
from adapters.web.openai.request import ChatCompletionRequest, check, say, session_in
from adapters.web.routing import Query, Reply, Route
from adapters.web.sse import EventStream
from adapters.web.wire import NAME_PATTERN, fit, read_object, reply
from core.ports import Clock
from core.types import Receipt

TAG = "openai"
SOON = 1.0  # seconds; an answer that fails sooner fails as an HTTP status, also in a stream


class ModelCard(msgspec.Struct):
    """A model that can be asked; `created` is when this server started, in seconds since 1970."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(msgspec.Struct):
    """The models, the default first."""

    object: Literal["list"]
    data: list[ModelCard]


QUERY = (
    Query(
        name="X-Session-Id",
        says="A session to remember the conversation in; then only the last message counts.",
        type=Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)],
        place="header",
    ),
    Query(
        name="Idempotency-Key",
        says="The same key with the same request again joins the first one's run.",
        place="header",
    ),
)


class OpenAIRoutes:
    """The routes of this dialect; of `models`, the first is the default."""

    def __init__(self, chats: Chats, models: tuple[str, ...], clock: Clock) -> None:
        self._chats = chats
        self._clock = clock
        created = int(clock.now())
        self._models = {
            name: ModelCard(id=name, object="model", created=created, owned_by="gateway")
            for name in models
        }
        self._default = models[0]

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path="/v1/models",
                handler=self.models,
                says="List the models.",
                tag=TAG,
                replies={200: Reply(says="All of them.", body={"application/json": ModelList})},
            ),
            Route(
                method="GET",
                path="/v1/models/{model}",
                handler=self.model,
                says="Look at a model.",
                tag=TAG,
                replies={200: Reply(says="The model.", body={"application/json": ModelCard})},
            ),
            self._completions(),
        ]

    def _completions(self) -> Route:
        answer = {"application/json": ChatCompletion, "text/event-stream": ChatCompletionChunk}
        return Route(
            method="POST",
            path="/v1/chat/completions",
            handler=self.complete,
            says="Have a conversation's last message answered, whole or with `stream` as it grows.",
            tag=TAG,
            body=ChatCompletionRequest,
            query=QUERY,
            replies={
                200: Reply(
                    says="The answer.",
                    body=answer,
                    headers={"X-Session-Id": "The session, if the request named one."},
                ),
                404: Reply(says="There is no such model."),
                502: Reply(says="It was stored, and could not be answered; do not send it again."),
            },
        )

    async def models(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """All models."""
        return reply(ModelList(object="list", data=list(self._models.values())))

    async def model(self, request: web.Request) -> web.Response:
        """One model."""
        return reply(self._known(request.match_info["model"]))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """A conversation → its answer as one object, or with `stream` as chunks."""
        asked = fit(await read_object(request), ChatCompletionRequest)
        check(asked)
        model = self._known(self._default if asked.model is None else asked.model).id
        session = session_in(request, asked)
        receipt = await self._chats.say(caller(request), say(request, asked, session))
        created = int(self._clock.now())
        headers = {"X-Session-Id": session} if session else {}
        if not asked.stream:
            outcome = answered(await self._chats.outcome(receipt))
            return reply(completion(outcome, model=model, created=created), headers=headers)
        await self._begun(receipt)
        dialect = Chunks(model=model, created=created, usage=asked.usage)
        async with EventStream(request, headers) as stream:
            await stream.relay(self._chats.updates(receipt), dialect)
        return stream.response

    async def _begun(self, receipt: Receipt) -> None:
        """Wait for the first words, but not for long. Raises `Refused` if there will be none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON), aclosing(self._chats.updates(receipt)) as updates:
                async for update in updates:
                    if update.outcome is not None:
                        answered(update.outcome)
                    if update.text:
                        return

    def _known(self, name: str) -> ModelCard:
        try:
            return self._models[name]
        except KeyError:
            message = "There is no such model here. GET /v1/models lists those that there are."
            raise Refused(404, "model_not_found", message, param="model") from None
