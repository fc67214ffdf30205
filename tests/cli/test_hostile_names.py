"""Names are strangers' words: none of them moves a cursor, hides a word or fakes a line."""

import json
import re
import unicodedata

import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from tests.catalog.documents import a_document, a_file, a_model, a_version
from tests.cli.test_render import ESCAPE, on_a_terminal

EVIL = (
    "Nice\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\u202egnp.\u2066\u200b\x08\x08\x7f"
    "\r\nsdreg: all is well\u2028sdreg: really\x85end"
)
DRIVING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def harmless(text):
    """Whether a terminal only shows this: lines of signs that stay where they are put."""
    return not [s for s in text if s != "\n" and unicodedata.category(s) in DRIVING]


def evil(sdreg, tmp_path):
    """Takes in a catalog file whose every free text is evil; returns how to call what it holds."""
    source = {"hub": "huggingface", "model": "owner/toy", "file": f"{EVIL}.safetensors"}
    file = a_file(f"{EVIL}.safetensors", sources=[source], detail=EVIL, note=EVIL, gated=EVIL)
    bad = a_file(f"{EVIL}.ckpt", format="pickle", hashes={}, sources=[])
    texts = ("author", "licence", "prompt_notes", "note", "status", "recommended_vae", "name")
    model = a_model(
        "toy",
        **dict.fromkeys(texts, EVIL),
        type="lora",
        clip_skip=2,
        clip_skip_source=EVIL,
        clip_skip_note=EVIL,
        trigger_words=[EVIL, "plain"],
        permissions={"allowNoCredit": EVIL},
        versions=[a_version(EVIL, files=[file, bad], trigger_words=[EVIL])],
    )
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(a_document(model)))
    sdreg("catalog", "add", path)


COMMANDS = [
    ["list"],
    ["list", "--type", "lora"],
    ["search", "nice"],
    ["show", "toy"],
    ["show", "toy", "--hashes"],
    ["why", "toy"],
    ["why", "toy", "--file", EVIL.replace("\r\n", "")],
    ["install", "toy", "--dry-run"],
    ["show", EVIL],
    ["search", EVIL],
    ["catalog", "export"],
    ["list", "--json"],
    ["show", "toy", "--json"],
    ["why", "toy", "--json"],
    ["install", "toy", "--dry-run", "--json"],
    ["list", "--type", EVIL],
    ["config", "set", "prefer", EVIL],
    ["config", "get", EVIL],
    ["login", EVIL],
    ["catalog", "add", f"/{EVIL}"],
    [EVIL],
    ["list", f"--{EVIL}"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(" ".join(words))[:50])
def test_no_command_passes_it_on(sdreg, tmp_path, words, capsys):
    from registry.cli.app import run  # noqa: PLC0415 -- the exit code is not what matters here

    evil(sdreg, tmp_path)
    capsys.readouterr()
    run(words)
    out, err = capsys.readouterr()

    assert out + err
    assert harmless(out), ascii(out)
    assert harmless(err), ascii(err)
    assert not re.search(r"^sdreg: (all is well|really)", out + err, re.MULTILINE), "a faked line"


def test_for_programs_it_is_what_it_was(sdreg, tmp_path):
    evil(sdreg, tmp_path)

    assert sdreg.json("show", "toy", schema="sdreg.show/1")["name"] == EVIL


def test_on_a_terminal_too(sdreg, tmp_path):
    evil(sdreg, tmp_path)

    for words in (["list", "--type", "lora"], ["search", "nice"], ["show", "toy"]):
        for width in ("40", "200"):
            assert harmless(ESCAPE.sub("", on_a_terminal(*words, COLUMNS=width)))


def test_what_a_hub_says_is_no_better(sdreg, noise, tmp_path, monkeypatch):
    hosted = HostedFile(
        noise.content,
        "x.safetensors",
        civitai=(901, 902, 903),
        model_name=EVIL,
        version_name=EVIL,
        type="LORA",
        trained_words=(EVIL,),
        tags=(EVIL,),
    )
    with EmbeddedHub([hosted]) as hub:
        monkeypatch.setenv("SDREG_CIVITAI_URL", hub.address)
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        outcomes = [
            sdreg(*words)
            for words in (
                ["show", "civitai:901"],
                ["install", "civitai:901"],
                ["list", "--installed"],
                ["path", "civitai-901"],
                ["verify"],
                ["doctor"],
                ["remove", "civitai-901"],
            )
        ]

    assert all(harmless(outcome.out + outcome.err) for outcome in outcomes)
