"""For the time being."""

from aiohttp import web

from adapters.web import guard
from adapters.web.errors import Handler
from adapters.web.principal import PUBLIC, Principal, present


class OpenGate:
    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        present(request, PUBLIC)
        return await guard.only_this_machine(request, handler)

    async def on_response_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        await guard.allow_origin(request, response)

    def message(self, principal: Principal, ip: str) -> None:
        pass
