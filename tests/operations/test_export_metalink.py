"""What is told of installed files to other programs: right bytes, safe names, open addresses."""

import hashlib

import numpy as np
import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.torch_zip import write_checkpoint
from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress
from registry.errors import BlobDamaged, BlobMissing
from registry.settings import Settings
from registry.store.paths import piece_map_path
from tests.operations.test_care import add_model, row


class Counting(Progress):
    """Counts what was read."""

    def __init__(self):
        self.read_bytes = 0
        self.open = 0

    def begin(self, what, total_bytes, done_bytes=0):
        self.open += 1

    def advance(self, bytes_count):
        self.read_bytes += bytes_count

    def end(self):
        self.open -= 1


def damage(path, at=100):
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_every_byte_is_read_once_and_nothing_is_asked_or_changed(registry, hosted, hub):
    (done,) = registry.install("civitai:901").files
    before, told = len(hub.requests), Counting()

    report = registry.export_metalink(progress=told)

    (entry,) = report.files
    assert (told.read_bytes, told.open) == (hosted.size_bytes, 0)
    assert len(hub.requests) == before
    assert entry.file.sha256 == done.blob.sha256
    assert entry.file.pieces == (hosted.sha256,)
    assert registry.verify().findings == ()


@pytest.mark.parametrize("with_map", [True, False], ids=["with a piece map", "without"])
def test_a_flipped_bit_is_seen_with_a_piece_map_and_without(registry, with_map):
    (done,) = registry.install("civitai:901").files
    if not with_map:
        piece_map_path(registry.settings.home, done.blob.sha256).unlink()
    assert registry.export_metalink().refused == ()
    damage(done.blob.path)

    report = registry.export_metalink()

    (refused,) = report.refused
    assert isinstance(refused.error, BlobDamaged)
    assert "`sdreg repair`" in refused.error.hint
    assert (report.files, report.document) == ((), "")
    registry.repair()
    assert registry.export_metalink().refused == ()


def test_a_file_that_grew_shrank_or_went_is_refused(registry, hosted):
    (done,) = registry.install("civitai:901").files
    done.blob.path.chmod(0o644)
    content = done.blob.path.read_bytes()
    said = []
    for changed in (content + b"x", content[:-1], b""):
        done.blob.path.write_bytes(changed)
        said.append(str(registry.export_metalink().refused[0].error))
    done.blob.path.unlink()

    assert [text.partition("it has ")[2].partition(" bytes and had")[0] for text in said] == [
        f"{hosted.size_bytes + 1:,}",
        f"{hosted.size_bytes - 1:,}",
        "0",
    ]
    assert isinstance(registry.export_metalink().refused[0].error, BlobMissing)


def test_the_pieces_of_a_long_file_are_those_of_its_bytes(tmp_path):
    content = np.random.default_rng(3).bytes(2 * PIECE_BYTES + 5)
    hosted = HostedFile(content, "long.pt", huggingface=("owner/long", "long.yaml"))
    with EmbeddedHub([hosted]) as hub:
        registry = Registry(Settings(home=tmp_path / "home", hf_endpoint=hub.address))
        rows = [row(hosted, sources=[{"hub": "huggingface", "model": "owner/long"}])]
        rows[0] |= {"name": "long.yaml", "format": "config", "role": "config"}
        add_model(registry, tmp_path, "long", rows)
        registry.install(registry.plan_install("long", registry.wish(file="long.yaml")))
        (entry,) = registry.export_metalink().files

    pieces = [content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES)]
    assert entry.file.pieces == tuple(hashlib.sha256(piece).hexdigest() for piece in pieces)
    assert entry.file.size_bytes == len(content)


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────

HERE = [
    {"hub": "civitai", "model": "901", "version": "902", "file": "903"},
    {"hub": "huggingface", "model": "owner/a", "version": "v1", "file": "a.safetensors"},
    {"hub": "direct", "url": "https://example.org/a.safetensors"},
]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["civitai", "huggingface", "direct"]),
        ({"gated": False, "needs_token": False}, ["civitai", "huggingface", "direct"]),
        ({"needs_token": "Civitai may answer 401"}, ["huggingface", "direct"]),
        ({"needs_token": True}, ["huggingface", "direct"]),
        ({"gated": True}, ["direct"]),
        ({"gated": "accept the licence first"}, ["direct"]),
    ],
)
def test_a_hub_that_wants_a_login_is_left_out(registry, hosted, tmp_path, facts, expected):
    add_model(registry, tmp_path, "one", [row(hosted, sources=HERE, **facts)])
    registry.install("one")
    hub = registry.settings.civitai_url
    addresses = {
        "civitai": f"{hub}/api/download/models/902?fileId=903",
        "huggingface": f"{hub}/owner/a/resolve/v1/a.safetensors",
        "direct": "https://example.org/a.safetensors",
    }

    (entry,) = registry.export_metalink().files

    assert entry.file.addresses == tuple(addresses[name] for name in expected)
    assert entry.no_address is None


def test_a_source_that_was_seen_gone_is_the_last_one_and_one_is_told_once(
    registry, hosted, hub, tmp_path
):
    twin = {"hub": "huggingface", "model": "owner/a", "version": "v1", "file": "a.safetensors"}
    add_model(registry, tmp_path, "one", [row(hosted, sources=HERE)])
    add_model(registry, tmp_path, "two", [row(hosted, name="b.safetensors", sources=[twin])])
    registry.install("one")
    source = registry.show("one").versions[0].files[0].sources[0]
    registry.catalog.models.mark_gone(source, registry.rooms.clock())

    (entry,) = registry.export_metalink().files

    assert entry.file.addresses == (
        f"{hub.address}/owner/a/resolve/v1/a.safetensors",
        "https://example.org/a.safetensors",
        f"{hub.address}/api/download/models/902?fileId=903",
    )


def test_what_only_this_disk_has_has_no_address_and_the_report_says_why(registry, tmp_path, hosted):
    add_model(registry, tmp_path, "one", [row(hosted, needs_token=True)])
    registry.install("one")
    (entry,) = registry.export_metalink().files

    assert entry.file.addresses == ()
    assert entry.no_address == "no source of it has a lasting address without a login"


def test_no_hub_has_the_bytes_of_a_converted_pickle(tmp_path):
    pickle = tmp_path / "ink.ckpt"
    write_checkpoint(pickle, {"model.diffusion_model.out.2.weight": np.ones((8, 4), np.float32)})
    hosted = HostedFile(pickle, "ink.ckpt", civitai=(901, 902, 903), type="Checkpoint")
    with EmbeddedHub([hosted]) as hub:
        registry = Registry(Settings(home=tmp_path / "home", civitai_url=hub.address))
        registry.install("civitai:901")
    (entry,) = registry.export_metalink().files

    assert entry.file.name.endswith(".safetensors")
    assert entry.file.sha256 != hosted.sha256
    assert (entry.file.addresses, entry.no_address) == (
        (),
        "it was converted here: no hub has these bytes",
    )


# ── names ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_file_of_two_models_stands_there_once_and_under_each_of_its_names(
    registry, hosted, tmp_path
):
    add_model(registry, tmp_path, "one", [row(hosted)])
    add_model(registry, tmp_path, "two", [row(hosted)])
    add_model(registry, tmp_path, "three", [row(hosted, name="NOISE.safetensors")])
    for slug in ("one", "two", "three"):
        registry.install(slug)

    names = [entry.file.name for entry in registry.export_metalink().files]

    assert names == ["noise.safetensors", f"NOISE-{hosted.sha256[:8]}.safetensors"]


def test_two_files_of_one_name_have_two(tmp_path):
    both = [
        HostedFile(bytes([n]) * 100, "a.yaml", huggingface=(f"owner/{n}", "a.yaml"))
        for n in range(2)
    ]
    with EmbeddedHub(both) as hub:
        registry = Registry(Settings(home=tmp_path / "home", hf_endpoint=hub.address))
        for n, hosted in enumerate(both):
            facts = {"name": "a.yaml", "format": "config", "role": "config"}
            sources = [{"hub": "huggingface", "model": f"owner/{n}", "file": "a.yaml"}]
            add_model(registry, tmp_path, f"m{n}", [row(hosted, sources=sources, **facts)])
            registry.install(registry.plan_install(f"m{n}", registry.wish(file="a.yaml")))

    told = {entry.file.name: entry.file.sha256 for entry in registry.export_metalink().files}

    assert told == {
        "a.yaml": both[0].sha256,
        f"a-{both[1].sha256[:8]}.yaml": both[1].sha256,
    }
