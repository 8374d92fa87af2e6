"""The lower bound in this language: an aiohttp server that relays the upstream's bytes.

No session, no store, no parsing: what a gateway on aiohttp can approach and never reach.
Reads PORT and ANTHROPIC_BASE_URL.
"""

import os
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

UPSTREAM = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
BODY = {
    "model": "bench",
    "max_tokens": 1024,
    "stream": True,
    "messages": [{"role": "user", "content": "x"}],
}
CLIENT = web.AppKey("client", aiohttp.ClientSession)


async def chat(request: web.Request) -> web.StreamResponse:
    """Pass on what the upstream says, as it comes."""
    await request.json()
    out = web.StreamResponse(headers={"content-type": "text/event-stream"})
    async with request.app[CLIENT].post(UPSTREAM, json=BODY) as answer:
        await out.prepare(request)
        async for piece in answer.content.iter_any():
            await out.write(piece)
    await out.write_eof()
    return out


async def client(app: web.Application) -> AsyncIterator[None]:
    """One client session for as long as the server runs."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app[CLIENT] = session
        yield


if __name__ == "__main__":
    uvloop.install()
    application = web.Application()
    application.cleanup_ctx.append(client)
    application.router.add_post("/api/chat", chat)
    port = int(os.environ["PORT"])
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)
