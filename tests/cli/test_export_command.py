"""`sdreg export`: what other programs check and repair models by."""

import hashlib
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors
from registry.domain.pieces import PIECE_BYTES
from tests.catalog.documents import a_document, a_file, a_model, a_version
from tests.cli.shell import damage, documented, names_in
from tests.cli.test_hostile_names import EVIL, harmless
from tests.servers.model_server import ModelServer

META = "{urn:ietf:params:xml:ns:metalink}"
SCHEMA = "sdreg.export/1"


def entries(text):
    """The files of a document, by name."""
    found = {entry.get("name"): entry for entry in ET.fromstring(text).findall(f"{META}file")}
    assert len(found) == len(ET.fromstring(text)) - 1, "one generator, and every name once"
    return found


def urls(entry):
    return [url.text for url in entry.findall(f"{META}url")]


def hashes_of(entry):
    return [piece.text for piece in entry.findall(f"{META}pieces/{META}hash")]


# ── what is written ───────────────────────────────────────────────────────────────────────────────


def test_stdout_is_the_document_and_nothing_else(sdreg, installed, hub, noise):
    ran = sdreg("export", "--metalink")

    (entry,) = entries(ran.out).values()
    assert entry.get("name") == "noise.safetensors"
    assert entry.findtext(f"{META}size") == str(noise.size_bytes)
    assert entry.findtext(f"{META}hash") == installed["sha256"] == noise.sha256
    assert hashes_of(entry) == [noise.sha256], "one piece is the whole"
    assert f"{hub.address}/api/download/models/902?fileId=903" in urls(entry)
    assert "noise.safetensors: " in ran.err, "the progress"


def test_a_program_gets_the_text_in_its_document(sdreg, installed):
    told = sdreg.json("export", "civitai-901", "--metalink", schema=SCHEMA)

    assert told["document"] == sdreg("export", "--metalink").out
    assert told["output"] is None
    assert [file["sha256"] for file in told["files"]] == [installed["sha256"]]
    assert names_in(told) <= documented(SCHEMA)


def test_a_file_is_written_and_none_is_replaced(sdreg, installed, tmp_path):
    output = tmp_path / "mine.meta4"

    said = sdreg("export", "--metalink", "--output", output)
    told, hint = sdreg.error("export", "--metalink", "--output", output, expect=2)
    as_json = sdreg.json("export", "--metalink", "-o", tmp_path / "b.meta4", schema=SCHEMA)

    assert said.out == f"{output}: 1 file\n"
    assert output.read_text("ascii") == sdreg("export", "--metalink").out
    assert told == f"{output} exists already; it was left as it is"
    assert hint == "Choose another name."
    assert (as_json["output"], as_json["document"]) == (str(tmp_path / "b.meta4"), None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the export needs a format"),
        (["--metalink", "no-such-model"], "nothing called 'no-such-model' is installed"),
        (["--metalink", "anything-v3"], "nothing called 'anything-v3' is installed"),
        (["--metalink"], "the export would be empty: nothing is installed"),
    ],
)
def test_what_cannot_be_exported_is_refused(sdreg, arguments, said):
    told, hint = sdreg.error("export", *arguments, expect=2)

    assert told == said
    assert hint


@pytest.mark.parametrize("output", ["nowhere/a.meta4", "taken/a.meta4", "taken", "."])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    sdreg, installed, tmp_path, output
):
    (tmp_path / "taken").write_bytes(b"mine")

    ran = sdreg("export", "--metalink", "--output", tmp_path / output, expect=2)

    assert ran.out == ""
    assert "bytes" not in ran.err, "no file was read"
    assert (tmp_path / "taken").read_bytes() == b"mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_behind_stdout_is_told(sdreg, installed):
    command = [sys.executable, "-m", "registry", "export", "--metalink"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 6
    assert "the output cannot be written" in done.stderr


# ── what is not as it was stored ──────────────────────────────────────────────────────────────────


def test_a_damaged_file_is_left_out_by_name_and_the_others_are_written(sdreg, installed, tmp_path):
    with ModelServer() as server:
        other = np.arange(3000, dtype=np.float32)
        write_safetensors(tmp_path / "other.safetensors", {"other": other})
        content = (tmp_path / "other.safetensors").read_bytes()
        url = server.serve("other.safetensors", content)
        sdreg("install", url, "--sha256", hashlib.sha256(content).hexdigest())
    damage(Path(installed["path"]))

    ran = sdreg("export", "--metalink", expect=1)
    told = sdreg.json("export", "--metalink", schema=SCHEMA, expect=1)

    assert set(entries(ran.out)) == {"other.safetensors"}
    assert "not exported: noise.safetensors: " in ran.err
    assert "1 of 1 pieces differ" in ran.err
    assert "hint: Run `sdreg repair`" in ran.err
    assert [each["file_name"] for each in told["refused"]] == ["noise.safetensors"]
    assert told["refused"][0]["error"]["code"] == "blob-damaged"
    assert names_in(told) <= documented(SCHEMA)


def test_where_nothing_can_be_described_no_file_appears(sdreg, installed, tmp_path):
    Path(installed["path"]).unlink()

    ran = sdreg("export", "--metalink", "--output", tmp_path / "a.meta4", expect=1)

    assert (ran.out, list(tmp_path.glob("*.meta4"))) == ("", [])
    assert "is missing at" in ran.err


# ── strangers' words ──────────────────────────────────────────────────────────────────────────────


def test_hostile_names_and_addresses_stay_text(sdreg, noise, tmp_path, monkeypatch):
    name = f'../../"><url>http://evil.example/</url>{EVIL}\ufffe&.safetensors'
    path = '"><evil a="&\x1b[2J/a b.safetensors'
    hosted = HostedFile(noise.content, "x.safetensors", civitai=(901, 902, 903), type="LORA")
    sources = [
        {"hub": "civitai", "model": "901", "version": "902", "file": "903"},
        {"hub": "huggingface", "model": "owner/toy", "file": path},
        {"hub": "direct", "url": "https://one.example/a.safetensors?Signature=abc"},
        {"hub": "direct", "url": "http://127.0.0.1:8188/interrupt"},
        {"hub": "direct", "url": "https://three.example/ä b<>.safetensors"},
        {"hub": "nohub", "model": "x", "file": "y"},
    ]
    file = a_file(name, hashes={"sha256": noise.sha256}, sources=sources)
    file["size_bytes"] = noise.size_bytes
    model = a_model("toy", type="lora", versions=[a_version(files=[file])])
    mine = tmp_path / "evil.json"
    mine.write_text(json.dumps(a_document(model)))
    sdreg("catalog", "add", mine)
    with EmbeddedHub([hosted]) as hub:
        monkeypatch.setenv("SDREG_CIVITAI_URL", hub.address)
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        sdreg("install", "toy")
        ran, address = sdreg("export", "--metalink"), hub.address

    ((shown, entry),) = entries(ran.out).items()
    assert harmless(ran.out)
    assert harmless(ran.err)
    assert ran.out.isascii()
    assert not set(shown) & set('/\\<>:"\x1b\n')
    assert not shown.startswith(".")
    assert urls(entry) == [
        f"{address}/api/download/models/902?fileId=903",
        f"{address}/owner/toy/resolve/main/%22%3E%3Cevil%20a%3D%22%26%1B%5B2J/a%20b.safetensors",
        "https://three.example/%C3%A4%20b%3C%3E.safetensors",
    ]


# ── aria2 ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def aria2(tmp_path):
    """Lets aria2 check and repair the files of a folder by a document."""
    program = shutil.which("aria2c")
    if program is None:
        pytest.skip("aria2c is not installed")

    def call(document, folder):
        command = [program, "--no-conf", "--check-integrity=true", "--allow-overwrite=true"]
        return subprocess.run(
            [*command, "--file-allocation=none", "-d", folder, "-M", document],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture
def big(tmp_path):
    """A model of six pieces, the last one short."""
    values = np.random.default_rng(11).integers(0, 255, 5 * PIECE_BYTES + 4000, dtype=np.uint8)
    write_safetensors(tmp_path / "big.safetensors", {"noise": values.view(np.float16)})
    return (tmp_path / "big.safetensors").read_bytes()


def with_damage(content, *pieces):
    """A copy with one bit of each of these pieces turned over."""
    damaged = bytearray(content)
    for piece in pieces:
        damaged[piece * PIECE_BYTES + 17] ^= 1
    return bytes(damaged)


def test_aria2_repairs_by_the_document_and_fetches_only_what_is_damaged(
    sdreg, big, aria2, tmp_path
):
    with ModelServer() as server:
        url = server.serve("big.safetensors", big)
        sdreg("install", url, "--sha256", hashlib.sha256(big).hexdigest())
        sdreg("export", "--metalink", "--output", tmp_path / "big.meta4")
        (tmp_path / "elsewhere").mkdir()
        copy = tmp_path / "elsewhere" / "big.safetensors"
        copy.write_bytes(with_damage(big, 1, 4))
        before = server.sent_bytes("big.safetensors")
        done = aria2(tmp_path / "big.meta4", tmp_path / "elsewhere")

        assert done.returncode == 0, done.stdout
        assert copy.read_bytes() == big
        assert server.sent_bytes("big.safetensors") - before == 2 * PIECE_BYTES


def test_aria2_goes_on_with_the_next_address_where_one_is_dead(
    sdreg, big, aria2, tmp_path, monkeypatch
):
    sha256 = hashlib.sha256(big).hexdigest()
    with ModelServer() as server:
        dead = server.address
    monkeypatch.setenv("HF_ENDPOINT", dead)
    file = a_file("big.safetensors", hashes={"sha256": sha256}, size_bytes=len(big))
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(a_document(a_model("toy", versions=[a_version(files=[file])]))))
    sdreg("catalog", "add", mine)
    with ModelServer() as server:
        url = server.serve("big.safetensors", big)
        sdreg("install", url, "--sha256", sha256)
        sdreg("install", "toy")
        told = sdreg.json("export", "toy", "--metalink", "-o", tmp_path / "a.meta4", schema=SCHEMA)
        copy = tmp_path / "elsewhere" / "big.safetensors"
        copy.parent.mkdir()
        copy.write_bytes(with_damage(big, 0))
        done = aria2(tmp_path / "a.meta4", copy.parent)

    dead_first = [f"{dead}/owner/toy/resolve/main/big.safetensors", url]
    assert [file["addresses"] for file in told["files"]] == [dead_first]
    assert done.returncode == 0, done.stdout
    assert copy.read_bytes() == big


def test_without_an_address_aria2_finds_the_damage_and_leaves_it(sdreg, big, aria2, tmp_path):
    with ModelServer() as server:
        url = server.serve("big.safetensors", big) + "?token=abc"
        sdreg("install", url, "--sha256", hashlib.sha256(big).hexdigest())
    ran = sdreg("export", "--metalink", "--output", tmp_path / "a.meta4")
    copy = tmp_path / "elsewhere" / "big.safetensors"
    copy.parent.mkdir()
    copy.write_bytes(with_damage(big, 2))

    done = aria2(tmp_path / "a.meta4", copy.parent)

    assert "no source of it has a lasting address without a login. aria2 can only" in ran.err
    assert "token" not in (tmp_path / "a.meta4").read_text()
    assert done.returncode != 0
