"""Node.js scripts with real client packages, run beside the gateway in the test's event loop."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
PRELOAD = FOLDER / "preload.cjs"
OLDEST = 18  # Debian 12's, on which every package of package.json was seen to work
FLAGS = (
    "--no-warnings",  # which of its own parts are experimental is no matter here
    "--dns-result-order=ipv4first",  # an old one tries ::1 alone for localhost
)

STRIP = """
import { transform } from "esbuild";
process.stdout.write((await transform(process.argv[2], { loader: "ts" })).code);
"""


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a program that ended well has written."""

    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON value."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Node:
    """Node.js, by its path, and the packages of package.json for its scripts to import."""

    program: str

    async def run(
        self,
        script: str,
        *args: str,
        env: Mapping[str, str] | None = None,
        remap: Mapping[str, str] | None = None,
        module: bool = True,
        timeout: float = 20,  # noqa: ASYNC109 - what was written until then is told
    ) -> Output:
        """Run a script, given as text. It may import the packages, and await at top level.

        `args` are `process.argv` from 2 on. Of this process's environment it sees PATH alone, and
        `env`. With a `remap` from origins to others, fetch() goes there, and what requires
        node-fetch gets that fetch. Not a `module`, it is CommonJS. Fails the test, with all that
        was written, unless it exits with 0 within `timeout` seconds.
        """
        kind = "module" if module else "commonjs"
        flags, told = [*FLAGS, f"--input-type={kind}"], dict(env or {})
        if remap is not None:
            flags, told = [*flags, "--require", str(PRELOAD)], {**told, "REMAP": json.dumps(remap)}
        return await execute(
            self.program, *flags, "-", *args, stdin=script, env=told, timeout=timeout
        )

    async def javascript(self, typescript: str) -> str:
        """The same module without its types."""
        return (await self.run(STRIP, typescript)).stdout


async def execute(
    *command: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 20,  # noqa: ASYNC109 - what was written until then is told
) -> Output:
    """Run a program in this folder; fails the test unless it exits with 0 in time."""
    environ = {"PATH": os.environ["PATH"], "NO_COLOR": "1", **(env or {})}
    # Into files: what a program wrote before it hung is then not lost with it.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            cwd=FOLDER,
            env=environ,
        )
        try:
            async with asyncio.timeout(timeout):
                await process.communicate(stdin.encode())
            end = f"exited with {process.returncode}"
        except TimeoutError:
            end = f"had not ended after {timeout} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        output = Output(stdout=_all(stdout), stderr=_all(stderr))
    if process.returncode != 0:
        pytest.fail(f"{command[0]} {end}\n{output.stdout}\n{output.stderr}", pytrace=False)
    return output


def _all(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def lacking() -> str | None:
    """What keeps the clients from running here; None if nothing does."""
    if shutil.which("node") is None:
        return "no Node.js on this machine"
    asked = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = asked.stdout.strip()  # v20.20.2
    if not version[1:].split(".")[0].isdecimal() or int(version[1:].split(".")[0]) < OLDEST:
        return f"Node.js {OLDEST} or later is needed; this machine's is {version or 'broken'}"
    wanted = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    for name, pin in wanted.items():
        if _installed(name) != pin:
            return (
                f"npm's {name} {pin} is not installed: make test does that, with npm and a network"
            )
    return None


def _installed(name: str) -> str | None:
    about = PACKAGES / name / "package.json"
    return json.loads(about.read_text(encoding="utf-8"))["version"] if about.exists() else None
