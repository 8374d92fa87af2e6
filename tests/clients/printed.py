"""The documents that this gateway's first clients are printed in: their code, as it stands there.

None of it is kept here. Where there are no documents, nothing is tested with them.
"""

import ast
import os
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("SEED_DOCUMENTS") or ROOT.parent / "shared" / "seeds")
ORIGIN = re.compile(r"https?://[\w.-]+(?::\d+)?")
CURL = re.compile(r"""curl (?:[^'"\\\n]|'[^']*'|"[^"]*"|\\\s)+""")
TESTS = re.compile(r"(?:^def test_.*\n(?:^# .*\n)*)+", re.MULTILINE)


def document(number: str) -> str:
    """The text of one document."""
    [path] = FOLDER.glob(f"{number}_*")
    return path.read_text(encoding="utf-8")


def origins(code: str) -> set[str]:
    """Where a client says that its server is."""
    return set(ORIGIN.findall(code))


def block(text: str, opening: str) -> str:
    """The code from `opening`, a pattern, to the brace that closes its first brace.

    Braces in strings count like others: they have to be in pairs, as template strings' are.
    """
    found = re.search(opening, text)
    assert found, f"nothing like {opening} is printed there"
    depth = 0
    for brace in re.finditer(r"[{}]", text[found.start() :]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[found.start() : found.start() + brace.end()]
    raise AssertionError(f"what begins with {opening} is never closed")


def fenced(text: str, language: str) -> str:
    """The one block of code that is marked with this language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return code


def curls(text: str) -> list[list[str]]:
    """The arguments of each call of curl, also where a line break became a space."""
    return [shlex.split(re.sub(r"\\\s+", " ", line)) for line in CURL.findall(text)]


def printed_tests(text: str) -> str:
    """The printed test functions, one statement a line again.

    There, line breaks became spaces but for those at blank lines, behind which a comment stands.
    """
    [section] = TESTS.findall(text)
    lines = []
    for line in section.splitlines():
        head, body = re.findall(r"^(def \w+\(\):)?(.*)", line)[0]
        lines += [head] if head else []
        lines += [f"    {each}" for each in statements(body)]
    return "\n".join(lines) + "\n"


def statements(folded: str) -> list[str]:
    """Python's statements out of text that has spaces where its line breaks were."""
    found = _split(re.split(r"\s+", folded.strip()))
    assert found is not None, f"this is not Python, however its lines are broken: {folded}"
    return found


def _split(words: list[str]) -> list[str] | None:
    """The longest statement that leaves statements behind it, and those; None if there is none."""
    if not words:
        return []
    if words[0].startswith("#"):
        return _after_comment(words)
    for end in range(len(words), 0, -1):
        line = " ".join(words[:end])
        if _is_statement(line) and (rest := _split(words[end:])) is not None:
            return [line, *rest]
    return None


def _after_comment(words: list[str]) -> list[str] | None:
    starts = range(1, len(words) + 1)
    return next((rest for start in starts if (rest := _split(words[start:])) is not None), None)


def _is_statement(line: str) -> bool:
    try:
        [statement] = ast.parse(line).body
    except (SyntaxError, ValueError):
        return False
    # Words and what joins them may be Python too, but that is prose here.
    return not isinstance(statement, ast.Expr) or isinstance(statement.value, ast.Call)
