"""Node.js scripts under test: what they may rely on, and how they fail."""

import json

import pytest

from tests.clients.node import FOLDER, Node
from tests.journeys.house import House


async def test_a_script_has_packages_arguments_and_an_environment(node: Node):
    """It imports what package.json names, awaits at top level, and is told what it is given."""
    script = """
    import { WebSocket } from "ws";
    await Promise.resolve();
    console.log(JSON.stringify([process.argv.slice(2), process.env.WHO, typeof WebSocket]));
    """
    output = await node.run(script, "one", "two words", env={"WHO": "Ada"})
    assert output.json == [["one", "two words"], "Ada", "function"]


async def test_a_script_reaches_the_gateway_while_the_test_waits(node: Node, house: House):
    """Both run in one event loop's time, also where the script calls another origin's name."""
    script = 'console.log((await fetch("http://nowhere.example/livez?a=1")).status);'
    remap = {"http://nowhere.example": f"http://127.0.0.1:{house.port}"}
    assert (await node.run(script, remap=remap)).stdout == "200\n"


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("process.exitCode = 3", "exited with 3"),
        ("throw new Error('no')", "exited with 1"),
        ("setInterval(() => {}, 1000)", "had not ended after 0.5 s"),
    ],
)
async def test_a_script_that_fails_fails_the_test_with_all_it_wrote(
    node: Node, script: str, end: str
):
    """An exit code, an error nobody caught, or no end: each is told with both outputs."""
    script = f"console.log('to one'); console.error('to the other'); {script}"
    with pytest.raises(pytest.fail.Exception) as failed:
        await node.run(script, timeout=0.5 if "setInterval" in script else 20)
    assert all(part in str(failed.value) for part in (end, "to one", "to the other"))


def test_the_lock_names_no_server():
    """Whoever installs takes the packages from where their own npm does."""
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_the_lock_is_of_what_is_asked_for():
    """The packages are asked for in exact versions, and those are the locked ones."""
    asked = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in asked} == asked
