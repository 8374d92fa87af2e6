"""The lower bound for an ack: an aiohttp server that checks the signature and reads the JSON.

It stores nothing, and nobody answers. Reads PORT and SLACK_SIGNING_SECRET.
"""

import hashlib
import hmac
import json
import os

import uvloop
from aiohttp import web

SECRET = os.environ["SLACK_SIGNING_SECRET"].encode()


async def events(request: web.Request) -> web.Response:
    """Say yes to whatever is signed."""
    raw = await request.read()
    signed = b"v0:" + request.headers["X-Slack-Request-Timestamp"].encode() + b":" + raw
    mine = "v0=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(mine, request.headers["X-Slack-Signature"]):
        return web.Response(status=401)
    return web.Response(status=200 if json.loads(raw)["event"] else 400)


if __name__ == "__main__":
    uvloop.install()
    application = web.Application()
    application.router.add_post("/slack/events", events)
    port = int(os.environ["PORT"])
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)
