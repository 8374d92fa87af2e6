import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.adapters.whatsapp_client.stage import twilio_of
from tests.fakes.hands import HandClock
from tests.fakes.twilio import ANA, FakeTwilio


@pytest.fixture
def clock():
    return HandClock()


@pytest_asyncio.fixture
async def fake(clock):
    async with FakeTwilio(clock=clock) as made:
        made.open_window(ANA)
        yield made


@pytest_asyncio.fixture
async def session():
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
def told():
    return []


@pytest.fixture
def twilio(session, fake, clock, told):
    return twilio_of(session, fake.url, clock=clock, told=told)


@pytest_asyncio.fixture
async def self_signed(tmp_path):
    """The URL of somebody who vouches for themselves."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "self.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
