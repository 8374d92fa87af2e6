"""The personas that come with the gateway, and those in the operator's folder."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Misconfigured
from core.personas import Persona, Personas
from core.telling import USUAL
from core.text import clean
from gateway import persona_toml as toml

BUILT_IN = Path(__file__).with_name("personas")
KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
LARGEST = 200_000  # bytes of a knowledge file: all of it is in the prompt
KINDS = {".md", ".txt"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a folder's files say, and what is wrong with them."""

    personas: tuple[Persona, ...]
    faults: tuple[str, ...]


def load(folder: Path | None, *, default: str | None = None) -> Personas:
    """Read all personas: those of `folder` (`PERSONAS_DIR`) first, then the built in ones.

    One in the folder takes the place of the built in one of the same key. `default` is `PERSONA`.
    Raises `Misconfigured` with every fault, one a line, each naming its file and field.
    """
    own = read(folder) if folder is not None else Read(personas=(), faults=())
    built_in = read(BUILT_IN)
    replaced = {each.key for each in own.personas}
    personas = (*own.personas, *(each for each in built_in.personas if each.key not in replaced))
    faults = [*own.faults, *built_in.faults, *_contested(personas)]
    found = Personas(personas, default=default)
    # A file that can't be read may be the one that is asked for.
    if default is not None and found.get(default) is None and not faults:
        keys = ", ".join(each.key for each in personas)
        faults.append(f"PERSONA: there is no such persona. To mend it, set one of {keys}.")
    if faults:
        raise Misconfigured("\n".join(faults))
    return found


def read(folder: Path) -> Read:
    """Read each TOML file of a folder, in the order of their names. Raises nothing."""
    try:
        files = sorted(each for each in folder.iterdir() if _is_ours(each))
    except (OSError, ValueError):  # the latter for a NUL
        mend = "To mend it, set a folder that there is and that may be read, or leave it out."
        return Read(personas=(), faults=(f"PERSONAS_DIR: is not a folder. {mend}",))
    personas: dict[str, Persona] = {}
    faults: list[str] = []
    for file in files:
        try:
            persona = _persona(file)
        except Misconfigured as error:
            faults += (f"{file.name}: {line}" for line in str(error).splitlines())
            continue
        if persona.key in personas:
            faults.append(
                f"{file.name}: its key {persona.key} is another file's too. To mend it, rename one."
            )
        personas.setdefault(persona.key, persona)
    return Read(personas=tuple(personas.values()), faults=tuple(faults))


def _is_ours(file: Path) -> bool:
    return file.suffix.lower() == ".toml" and not file.name.startswith(".")


def _persona(file: Path) -> Persona:
    """Raises `Misconfigured` with every fault of the file, not naming it."""
    fields = toml.read(_text(file))
    key, table, faults = file.stem.lower(), None, []
    if not KEY.fullmatch(key):
        faults.append(
            "its name is the persona's key, and has more in it than letters, digits, - and _."
            " To mend it, rename it, such as support.toml."
        )
    if key in USUAL:
        faults.append(
            f"its name is the persona's key, and `!persona {key}` undoes a choice. To mend it,"
            " rename it, such as support.toml."
        )
    try:
        table = toml.parse(fields)
    except Misconfigured as error:
        faults.append(str(error))
    texts = []
    for number, name in _named(fields):
        try:
            texts.append((name, _knowledge(file.parent, name)))
        except Misconfigured as error:
            faults.append(f"knowledge_files[{number}]: {error}")
    if faults or table is None:
        raise Misconfigured("\n".join(faults))
    return toml.made(key, table, tuple(texts))


def _named(fields: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The knowledge files, counted from 1, also of a file with faults."""
    names = fields.get("knowledge_files", [])
    for number, name in enumerate(names if isinstance(names, list) else [], 1):
        if isinstance(name, str) and name.strip():
            yield number, name.strip()


def _knowledge(folder: Path, name: str) -> str:
    """Raises `Misconfigured`."""
    try:
        path = _inside(folder, name)
    except (OSError, ValueError):  # too long a name, and one with a NUL
        raise Misconfigured("is no name of a file. To mend it, write another.") from None
    return _text(path).strip()


def _inside(folder: Path, name: str) -> Path:
    """Raises `Misconfigured`, `OSError` and `ValueError`."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Misconfigured("is outside the folder. To mend it, copy it in beside the TOML file.")
    if path.suffix.lower() not in KINDS or any(sign in name for sign in '"<>\n'):
        raise Misconfigured("is not the name of a .md or .txt file. To mend it, save it as one.")
    if not path.is_file():
        raise Misconfigured("is not there. To mend it, copy it in, or take it out of the list.")
    if path.stat().st_size > LARGEST:
        raise Misconfigured(f"has more than {LARGEST // 1000} kB. To mend it, keep what matters.")
    return path


def _text(path: Path) -> str:
    """The same text whatever wrote it: no byte order mark, no NULs, newlines of one kind.

    Raises `Misconfigured`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # and \r\n becomes \n
    except UnicodeDecodeError:
        raise Misconfigured("is not UTF-8. To mend it, save it as UTF-8 text.") from None
    except OSError as error:
        name = type(error).__name__
        raise Misconfigured(f"can't be read ({name}). To mend it, see to its rights.") from None
    return clean(text)


def _contested(personas: Iterable[Persona]) -> Iterator[str]:
    """Places at which two personas are at home."""
    taken: dict[str, str] = {}
    for persona in personas:
        for place in persona.defaults:
            if place in taken:
                yield (
                    f"{persona.key}.toml: defaults: {place} is {taken[place]}.toml's already."
                    " To mend it, take it out of one."
                )
            taken.setdefault(place, persona.key)
