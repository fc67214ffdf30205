"""Calls `sdreg` in this process, as `python -m registry` would."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from registry.cli.app import run

JSON_PAGE = Path(__file__).parents[2] / "docs" / "json.md"


@dataclass(frozen=True)
class Outcome:
    """What came of one command line."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Stdout, line by line."""
        return self.out.splitlines()

    @property
    def document(self) -> dict:
        """The one JSON document that stdout holds, and nothing else."""
        assert self.out.endswith("}\n"), self.out + self.err
        assert self.out.count("\n") == 1, "one line, one document"
        return json.loads(self.out)


class Shell:
    """Runs command lines against the home that the environment names."""

    def __init__(self, home: Path, capsys) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: object, expect: int = 0) -> Outcome:
        """Run one command line; it must exit as expected."""
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        outcome = Outcome(code, *self._capsys.readouterr())
        assert outcome.code == expect, outcome
        return outcome

    def json(self, *arguments: object, schema: str, expect: int = 0) -> dict:
        """The JSON document of a command; its schema must be this one."""
        outcome = self(*arguments, "--json", expect=expect)
        document = outcome.document
        assert document.pop("schema") == schema, outcome
        return document

    def error(self, *arguments: object, expect: int) -> tuple[str, str]:
        """The sentence and the hint of a refusal, which JSON says too."""
        said = self(*arguments, expect=expect)
        assert said.out == ""
        told = self.json(*arguments, schema="sdreg.error/1", expect=expect)
        assert told["exit_code"] == expect
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", told["code"])
        assert set(told) - {"facts"} == {"code", "message", "hint", "exit_code"}
        sentence, _, hint = said.err.partition("\nhint: ")
        return sentence.removeprefix("sdreg: ").rstrip("\n"), hint.rstrip("\n")


def documented(schema: str) -> set[str]:
    """Every word in code signs of the paragraphs of docs/json.md that a schema stands in."""
    page = JSON_PAGE.read_text("utf-8")
    sections = [text for text in re.split(r"^## ", page, flags=re.MULTILINE) if schema in text]
    assert sections, f"{schema} is not documented"
    words = set()
    for section in sections:
        for code in re.findall(r"`([^`]+)`", section):
            words |= set(re.findall(r"\w+", code))
    return words


def names_in(document: object) -> set[str]:
    """Every field of a document, however deep; maps with free keys count as one field."""
    match document:
        case dict():
            free = {"hashes", "permissions", "evidence"}
            below = [names_in(value) for name, value in document.items() if name not in free]
            return set(document).union(*below)
        case list():
            return set().union(*map(names_in, document))
        case _:
            return set()


def damage(path: Path) -> None:
    """Turn one bit of a stored file over, as a failing disk would."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
