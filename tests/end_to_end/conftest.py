"""Real receivers on loopback: an SMTP server, a stand-in for Slack's API, and a webhook that checks the signature."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP
from standardwebhooks import Webhook

HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Mailbox:
    """What an SMTP server took."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    @property
    def event_ids(self) -> list[str]:
        return [mail["X-Ampel-Watch-Event"] for mail in self.mails]


@dataclass
class Endpoint:
    """An HTTP server that keeps the JSON bodies it accepted; `answer` decides what it says."""

    url: str = ""
    bodies: list[dict] = field(default_factory=list)


@pytest.fixture
async def mailbox():
    box = Mailbox()
    connections: list[SMTP] = []

    def connected() -> SMTP:
        connections.append(SMTP(box, hostname="mail.test", loop=asyncio.get_running_loop()))
        return connections[-1]

    listener = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    box.port = listener.sockets[0].getsockname()[1]
    yield box
    listener.close()
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()
    await listener.wait_closed()


@contextlib.asynccontextmanager
async def serve(handler) -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def slack():
    """Stands for Slack's Web API: checks the bot token and keeps what was posted."""
    endpoint = Endpoint()

    async def handle(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer xoxb-1-test":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        endpoint.bodies.append(await request.json())
        return web.json_response({"ok": True, "channel": "C1", "ts": f"{len(endpoint.bodies)}.0"})

    async with serve(handle) as url:
        endpoint.url = url + "/api/"
        yield endpoint


@pytest.fixture
async def hook():
    """A webhook receiver that refuses what is not signed by the Standard Webhooks scheme."""
    endpoint = Endpoint()
    verifier = Webhook(HOOK_SECRET)

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        document = json.loads(body)
        # The nights are long past, so only the signature is checked here, and not the age of the timestamp.
        signed_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        signature = verifier.sign(document["id"], signed_at, body.decode())
        if (request.headers["webhook-id"], request.headers["webhook-signature"]) != (document["id"], signature):
            return web.Response(status=400)
        endpoint.bodies.append(document)
        return web.Response(status=204)

    async with serve(handle) as url:
        endpoint.url = url + "/hook"
        yield endpoint
