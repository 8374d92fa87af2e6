"""The bench's laboratory: two cores, a folder, a fake model, and servers that come and go."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
PYTHON = sys.executable
GATEWAY = str(Path(PYTHON).parent / "gateway")
SERVING, LOADING = 0, 1  # which core
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - a made-up one
START_SECONDS, STOP_SECONDS = 20, 30


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens; `kind` tells `load.py` how to talk to it."""

    kind: str
    port: int
    pid: int


class Lab:
    """Starts servers on one core, and the load and the fake model on another."""

    def __init__(self, folder: Path, stack: ExitStack, deltas: int) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.pinned = len(cores) > 1 and shutil.which("taskset") is not None
        self._cores = (cores[0], cores[-1])
        self._folder, self._stack = folder, stack
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        upstream = [
            PYTHON,
            str(BENCH / "upstream.py"),
            "--port",
            str(port),
            "--deltas",
            str(deltas),
        ]
        self.direct = self._start("direct", port, upstream, {}, core=LOADING)

    def relay(self) -> Server:
        """Start a server that relays the model's bytes and does nothing else."""
        return self._start("relay", free_port(), [PYTHON, str(BENCH / "relay.py")], {})

    def bare(self) -> Server:
        """Start a server that checks the signatures of Slack's events and does nothing else."""
        settings = {"SLACK_SIGNING_SECRET": SIGNING_SECRET}
        return self._start("bare", free_port(), [PYTHON, str(BENCH / "ack_bare.py")], settings)

    def slack(self) -> Server:
        """Start the gateway with a Slack app, and a fake of Slack for its answers."""
        fake = [PYTHON, str(BENCH / "slack_api.py")]
        api = self._start("slack_api", free_port(), fake, {}, core=LOADING)
        return self.gateway(
            SLACK_BOT_TOKEN="xoxb-bench",  # noqa: S106 - a made-up one
            SLACK_SIGNING_SECRET=SIGNING_SECRET,
            SLACK_API_URL=f"http://127.0.0.1:{api.port}/api/",
            SHUTDOWN_GRACE="0",  # nobody waits for the answers
        )

    def gateway(self, **more: str) -> Server:
        """Start the gateway as an operator would, durable on SQLite."""
        settings = {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "ANTHROPIC_API_KEY": "bench",
            "MODEL": "bench",
            "LOG_LEVEL": "warning",
            **more,
        }
        port = free_port()
        migrate = subprocess.run(
            [GATEWAY, "migrate"],
            env=self._env(port, settings),
            cwd=self._folder,
            capture_output=True,
            check=False,
            text=True,
        )
        if migrate.returncode:
            sys.exit(f"gateway migrate failed:\n{migrate.stdout}{migrate.stderr}")
        return self._start("gateway", port, [GATEWAY, "serve"], settings)

    @property
    def database(self) -> Path:
        """The gateway's file."""
        return self._folder / "bench.db"

    def gap(self, seconds: float) -> None:
        """Have the fake model pause so long between two deltas."""
        request = urllib.request.Request(f"{self._url}/gap/{seconds}", method="POST")  # noqa: S310 - ours
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - ours

    def measure(self, server: Server, streams: int, turns: int, spread: float = 0) -> Any:
        """Drive a server, and return what `load.py` says of it."""
        options = {
            "--kind": server.kind,
            "--port": server.port,
            "--streams": streams,
            "--turns": turns,
            "--spread": spread,
            "--pid": server.pid,
        }
        return self._drive(server, "load.py", options)

    def acks(self, server: Server, rate: float, seconds: float) -> Any:
        """Send a server signed events, and return what `acks.py` says of its acks."""
        options = {
            "--port": server.port,
            "--secret": SIGNING_SECRET,
            "--rate": rate,
            "--seconds": seconds,
            "--pid": server.pid,
        }
        return self._drive(server, "acks.py", options)

    def _drive(self, server: Server, load: str, options: Mapping[str, object]) -> Any:
        words = [str(word) for option in options.items() for word in option]
        command = self._on(LOADING, [PYTHON, str(BENCH / load), *words])
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
        if ran.returncode:
            sys.exit(f"{server.kind} could not be measured; it said:\n{self._said(server)}")
        return json.loads(ran.stdout)

    def _start(
        self, kind: str, port: int, command: list[str], env: dict[str, str], core: int = SERVING
    ) -> Server:
        with (self._folder / f"{kind}-{port}.log").open("wb") as log:
            process = subprocess.Popen(
                self._on(core, command),
                env=self._env(port, env),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._stack.enter_context(_stopped(process))
        server = Server(kind, port, process.pid)
        deadline = time.monotonic() + START_SECONDS
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{kind} does not listen; it said:\n{self._said(server)}")
            time.sleep(0.05)
        return server

    def _on(self, core: int, command: list[str]) -> list[str]:
        return ["taskset", "-c", str(self._cores[core]), *command] if self.pinned else command

    def _env(self, port: int, more: dict[str, str]) -> dict[str, str]:
        # Nothing of the caller's: a DATABASE_URL in the shell must not be what is measured.
        own = {"PATH": os.environ["PATH"], "PORT": str(port), "ANTHROPIC_BASE_URL": self._url}
        return own | more

    def _said(self, server: Server) -> str:
        return (self._folder / f"{server.kind}-{server.port}.log").read_text()[-2000:]


@contextmanager
def _stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
