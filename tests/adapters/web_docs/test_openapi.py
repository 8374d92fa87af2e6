"""The description of the API, and the page that shows it, are those of this program."""

import json
import re
from html.parser import HTMLParser

import pytest

from adapters.web.description.docs import DOCUMENT, Docs
from adapters.web.description.reference import page
from gateway.openapi import as_bytes, document

DESCRIBED = document()
OPERATIONS = [
    (method, path, operation)
    for path, methods in DESCRIBED["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_description_is_the_programs():
    """After a change of a route: `.venv/bin/python -m gateway.openapi`."""
    assert DOCUMENT.read_bytes() == as_bytes(DESCRIBED)


def test_every_operation_has_a_name_of_its_own():
    """Clients that are generated from the description call their functions so."""
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_does_and_answers(method, path, operation):
    """A sentence, and a success besides the refusals."""
    assert re.fullmatch(r"[A-Z].*[.:)]", operation["summary"], re.DOTALL), (method, path)
    assert any(status < "400" for status in operation["responses"]), (method, path)


def test_every_reference_is_to_something():
    """No type is named that is not described."""
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DESCRIBED)))
    assert named <= set(DESCRIBED["components"]["schemas"])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def read(html: str) -> _Page:
    parser = _Page()
    parser.feed(html)
    return parser


def test_the_page_needs_nothing_from_elsewhere():
    """No script at all, and no address of another server."""
    tags = read(page(DESCRIBED)).tags
    assert not [tag for tag, _ in tags if tag in {"script", "img", "iframe"}]
    targets = [fields.get("href") or fields.get("src") for _, fields in tags]
    assert all(target.startswith(("/", "#")) for target in targets if target)


def test_every_link_on_the_page_leads_somewhere():
    """Each operation and each type can be jumped to."""
    tags = read(page(DESCRIBED)).tags
    places = {fields["id"] for _, fields in tags if "id" in fields}
    jumps = {f["href"][1:] for _, f in tags if f.get("href", "").startswith("#")}
    assert jumps <= places
    assert len(jumps) > len(OPERATIONS)


def test_what_a_description_says_is_no_markup():
    """Words from docstrings are shown as words."""
    sly = {
        "info": {"title": "<script>", "description": "a & b"},
        "paths": {},
        "components": {"schemas": {"X": {"type": "string", "description": "<img> `<b>`"}}},
    }
    tags = [tag for tag, _ in read(page(sly)).tags]
    assert "script" not in tags
    assert "img" not in tags
    assert "b" not in tags


def test_the_files_are_served_from_memory():
    """Nothing is read from the disk for a request."""
    assert {route.path for route in Docs().routes()} == {"/openapi.json", "/docs", "/docs.css"}
