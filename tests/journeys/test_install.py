"""Whole stories: real processes, a real catalog, a real store, and a hub on loopback."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.safetensors_file import write_safetensors

np = pytest.importorskip("numpy")
MIB = 1024 * 1024


class Shell:
    """Runs `sdreg` as a user would, in a home of its own."""

    def __init__(self, folder: Path, hub: EmbeddedHub) -> None:
        self.home = folder / "home"
        self.folder = folder
        self.hub = hub
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},  # noqa: TID251 -- what a child process needs
            "HOME": str(folder),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SDREG_HOME": str(self.home),
            "SDREG_CIVITAI_URL": hub.address,
            "HF_ENDPOINT": hub.address,
            "SDREG_UI_A1111": str(folder / "webui"),
            "SDREG_UI_COMFYUI": str(folder / "comfy"),
        }
        for ui in ("webui", "comfy"):
            (folder / ui).mkdir(exist_ok=True)

    def start(self, *arguments, **variables):
        return subprocess.Popen(
            [sys.executable, "-m", "registry", *arguments],
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments, expect=0, **variables):
        process = self.start(*arguments, "--json", **variables)
        out, err = process.communicate(timeout=120)
        assert process.returncode == expect, out + err
        return json.loads(out)

    def links(self):
        """Every file under a final name, anywhere."""
        roots = (self.home / "library", self.folder / "webui", self.folder / "comfy")
        return [path for root in roots for path in root.rglob("*") if path.is_file()]

    def blobs(self):
        return [p for p in (self.home / "blobs").rglob("*") if p.is_file() and not p.suffix]


def weights(folder: Path, *, megabytes: int = 1, seed: int = 1) -> bytes:
    """A safetensors file of noise."""
    noise = np.random.default_rng(seed).integers(0, 255, megabytes * MIB, dtype=np.uint8)
    path = folder / f"noise-{megabytes}-{seed}.safetensors"
    write_safetensors(path, {"noise": noise.view(np.float16)})
    return path.read_bytes()


def catalog(folder: Path, *files: tuple[HostedFile, dict]) -> str:
    """A catalog file with one model, `noise`, that has these files."""
    rows = [
        {
            "name": file.name,
            "role": "weights",
            "format": "safetensors",
            "size_bytes": file.size_bytes,
            "hashes": {"sha256": file.hashes["SHA256"].lower()},
            **changes,
        }
        for file, changes in files
    ]
    model = {"slug": "noise", "name": "Noise", "type": "lora", "base": "sd1"}
    version = {"name": "v1", "files": rows}
    path = folder / "catalog.json"
    document = {"schema": "sdreg.catalog/1", "revision": 1}
    path.write_text(json.dumps({**document, "models": [{**model, "versions": [version]}]}))
    return str(path)


@pytest.fixture
def noise(tmp_path):
    return HostedFile(
        weights(tmp_path),
        "noise.safetensors",
        civitai=(901, 902, 903),
        huggingface=("made-up/noise", "noise.safetensors"),
        type="LORA",
    )


@pytest.mark.real
def test_easynegative_arrives_proven_in_every_ui_and_a_second_time_nothing_happens(
    tmp_path, real_files
):
    folder = real_files / "embeddings"
    hosted = [
        HostedFile(
            folder / "EasyNegative.safetensors",
            "easynegative.safetensors",
            civitai=(7808, 9208, 8955),
            huggingface=("embed/EasyNegative", "EasyNegative.safetensors"),
        ),
        HostedFile(folder / "EasyNegative.pt", "easynegative.pt", civitai=(7808, 9536, 9235)),
    ]
    with EmbeddedHub(hosted) as hub:
        sdreg = Shell(tmp_path, hub)
        (first,) = sdreg("install", "easynegative")["files"]
        hub.forget_requests()
        (second,) = sdreg("install", "easynegative")["files"]

    assert first["sha256"].startswith("c74b4e81")
    assert (first["status"], second["status"]) == ("installed", "already-installed")
    assert first["proven"]
    assert {link["layout"] for link in first["links"]} == {"library", "a1111", "comfyui"}
    for link in first["links"]:
        assert Path(link["path"]).read_bytes() == hosted[0].content.read_bytes()
    assert (tmp_path / "webui/embeddings/easynegative.safetensors").is_file()
    assert (tmp_path / "comfy/models/embeddings/easynegative.safetensors").is_file()
    assert hub.requests == []


def test_killed_in_the_middle_a_second_run_goes_on_where_the_first_was(tmp_path):
    big = HostedFile(
        weights(tmp_path, megabytes=48), "big.safetensors", civitai=(901, 902, 903), type="LORA"
    )
    with EmbeddedHub([big]) as hub:
        sdreg = Shell(tmp_path, hub)
        sdreg("list", "--limit", "1")  # make the catalog beforehand
        process = sdreg.start("install", "civitai:901", SDREG_LIMIT_RATE="12M")
        wait_until_journaled(sdreg.home / "partial", process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert sdreg.links() == []
        (unfinished,) = sdreg("downloads")["downloads"]
        hub.forget_requests()

        (done,) = sdreg("install", "civitai:901")["files"]

    assert 0 < unfinished["done_bytes"] < big.size_bytes
    assert done["sha256"] == big.hashes["SHA256"].lower()
    ranges = [
        request.headers.get("range") for request in hub.requests if request.host == "localhost"
    ]
    assert ranges, "the rest was fetched"
    assert min(int(text.removeprefix("bytes=").split("-")[0]) for text in ranges) >= 4 * MIB


def wait_until_journaled(folder: Path, process, pieces: int = 2):
    """Return as soon as a journal names so many pieces; the process must still be at work."""
    while process.poll() is None:
        for journal in folder.glob("*.journal"):
            try:
                text = journal.read_text()
            except FileNotFoundError:
                continue
            if text.count('"') and journal_pieces(text) >= pieces:
                return
    raise AssertionError("it was done before it could be killed: " + process.stderr.read())


def journal_pieces(text):
    digests = [word for word in text.replace('"', " ").replace(",", " ").split() if len(word) == 64]
    return len(digests)


def test_a_wrong_byte_at_every_source_is_a_dispute_and_no_file_under_a_final_name(tmp_path, noise):
    with EmbeddedHub([noise]) as hub:
        hub.damage(noise.name, flip_at=MIB // 2, times=100)
        sdreg = Shell(tmp_path, hub)
        sdreg("catalog", "add", catalog(tmp_path, (noise, {"sources": both_sources(noise)})))
        error = sdreg("install", "noise", expect=5)

    assert error["schema"] == "sdreg.error/1"
    assert error["code"] == "hash-disputed"
    assert sdreg.links() == sdreg.blobs() == []
    kept = [path for path in (sdreg.home / "quarantine").iterdir() if path.suffix != ".txt"]
    assert kept, "the bytes are kept for a look"


def test_one_wrong_answer_is_made_good_by_asking_again(tmp_path, noise):
    with EmbeddedHub([noise]) as hub:
        hub.damage(noise.name, flip_at=MIB // 2)
        sdreg = Shell(tmp_path, hub)
        sdreg("catalog", "add", catalog(tmp_path, (noise, {"sources": both_sources(noise)})))
        (done,) = sdreg("install", "noise")["files"]

    assert done["proven"]


def both_sources(file):
    model, version, number = map(str, file.civitai)
    repo, path = file.huggingface
    return [
        {"hub": "civitai", "model": model, "version": version, "file": number},
        {"hub": "huggingface", "model": repo, "file": path},
    ]


def test_when_every_source_is_gone_the_same_bytes_are_found_by_hash(tmp_path, noise):
    lost = [{"hub": "huggingface", "model": "long/gone", "file": "noise.safetensors"}]
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        sdreg("catalog", "add", catalog(tmp_path, (noise, {"sources": lost})))
        process = sdreg.start("install", "noise")
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, out + err
    assert "hf:long/gone:noise.safetensors is not at" in err
    assert "no source is left; looking for the same bytes elsewhere" in err
    assert "took it from civitai:901@902+903 instead" in err
    assert "civitai:901@902+903" in out
    files = sdreg("show", "noise")["files"]
    assert len(files) >= 1
    assert any(file["gone_since"] is not None or file["sources"] for file in files)


def test_when_nobody_has_the_bytes_the_next_best_file_is_taken_and_that_is_said(tmp_path, noise):
    vanished = HostedFile(weights(tmp_path, seed=9), "best.safetensors")
    lost = [{"hub": "huggingface", "model": "long/gone", "file": "best.safetensors"}]
    rows = (
        (vanished, {"precision": "fp16", "sources": lost}),
        (noise, {"precision": "fp32", "sources": both_sources(noise)}),
    )
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        sdreg("catalog", "add", catalog(tmp_path, *rows))
        (done,) = sdreg("install", "noise")["files"]

    assert done["name"] == "noise.safetensors"
    assert done["notes"] == [
        "every source of best.safetensors is gone; this is the next best",
        "published as fp32, but its content is fp16",
    ]


def test_a_login_that_is_missing_is_asked_for_and_not_papered_over(tmp_path, noise):
    other = HostedFile(weights(tmp_path, seed=3), "other.safetensors", civitai=(901, 902, 904))
    rows = (
        (noise, {"precision": "fp16", "sources": both_sources(noise)[:1]}),
        (
            other,
            {"precision": "fp32", "sources": [{"hub": "civitai", "version": "902", "file": "904"}]},
        ),
    )
    with EmbeddedHub([noise, other], token="the-token") as hub:
        hub.demand_token()
        sdreg = Shell(tmp_path, hub)
        sdreg("catalog", "add", catalog(tmp_path, *rows))
        error = sdreg("install", "noise", expect=4)
        (done,) = sdreg("install", "noise", CIVITAI_TOKEN="the-token")["files"]

    assert error["code"] == "login-required"
    assert "sdreg login civitai" in error["hint"]
    assert done["name"] == "noise.safetensors"
    strangers = [request for request in hub.requests if request.host != "127.0.0.1"]
    assert strangers
    assert not any("authorization" in request.headers for request in strangers)
    written = b"".join(path.read_bytes() for path in sdreg.home.rglob("*") if path.is_file())
    assert b"the-token" not in written


def test_a_file_of_the_user_is_never_touched(tmp_path, noise):
    mine = tmp_path / "webui/models/Lora/noise.safetensors"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my own work")
    same = tmp_path / "comfy/models/loras/noise.safetensors"
    same.parent.mkdir(parents=True)
    same.write_bytes(noise.content)
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        (done,) = sdreg("install", "civitai:901")["files"]
        sdreg("remove", "civitai-901")

    assert mine.read_bytes() == b"my own work"
    assert same.read_bytes() == noise.content
    assert done["yours"] == [str(same)]
    ours = {Path(link["path"]).name for link in done["links"]}
    assert ours == {"noise.safetensors", f"noise-{done['sha256'][:8]}.safetensors"}
    assert sorted(sdreg.links()) == sorted([mine, same])
    assert sdreg.blobs() == []


def test_any_address_with_a_hash_is_installed_under_the_type_that_its_content_tells(
    tmp_path, noise
):
    lora = tmp_path / "lora.safetensors"
    down = np.zeros((4, 768), np.float16)
    up = np.zeros((320, 4), np.float16)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    write_safetensors(lora, {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up})
    hosted = HostedFile(lora.read_bytes(), "x.safetensors", huggingface=("a/b", "x.safetensors"))
    with EmbeddedHub([hosted]) as hub:
        sdreg = Shell(tmp_path, hub)
        sdreg.environment.pop("HF_ENDPOINT")
        url = f"{hub.address}/a/b/resolve/main/x.safetensors"
        wrong = sdreg("install", url, "--sha256", "0" * 64, expect=5)
        (done,) = sdreg("install", url, "--sha256", hosted.hashes["SHA256"])["files"]

    assert wrong["code"] == "hash-disputed"
    assert (tmp_path / "webui/models/Lora/x.safetensors").is_file()
    assert done["proven"]


def test_a_page_is_never_kept_as_a_model(tmp_path):
    page = HostedFile(
        b"<!doctype html><title>Sign in to continue</title>" + b" " * 2000,
        "page.safetensors",
        huggingface=("a/page", "page.safetensors"),
    )
    with EmbeddedHub([page]) as hub:
        sdreg = Shell(tmp_path, hub)
        error = sdreg("install", "hf:a/page:page.safetensors", expect=7)

    assert "Sign in to continue" in error["message"]
    assert sdreg.links() == sdreg.blobs() == []


def test_damage_is_found_and_repaired_by_the_piece(tmp_path):
    big = HostedFile(
        weights(tmp_path, megabytes=21), "big.safetensors", civitai=(901, 902, 903), type="LORA"
    )
    with EmbeddedHub([big]) as hub:
        sdreg = Shell(tmp_path, hub)
        (done,) = sdreg("install", "civitai:901")["files"]
        blob = Path(done["path"])
        blob.chmod(0o644)
        at = random.Random(5).randrange(big.size_bytes)
        with blob.open("r+b") as file:
            file.seek(at)
            (old,) = file.read(1)
            file.seek(at)
            file.write(bytes([old ^ 0x40]))
        hub.forget_requests()
        found = sdreg("verify", expect=1)
        report = sdreg("repair")
        after = sdreg("verify")

    assert {tuple(one["pieces"]) for one in found["findings"]} == {(at // (4 * MIB),)}
    (repaired,) = report["repaired"]
    assert 0 < repaired["bytes_fetched"] <= 4 * MIB
    assert after["findings"] == []
    for link in done["links"]:
        assert Path(link["path"]).read_bytes() == big.content


def test_a_lost_file_and_a_lost_link_come_back(tmp_path, noise):
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        (done,) = sdreg("install", "civitai:901")["files"]
        Path(done["path"]).unlink()
        Path(done["links"][0]["path"]).unlink()
        kinds = {one["kind"] for one in sdreg("verify", expect=1)["findings"]}
        sdreg("repair")
        after = sdreg("verify")

    assert "missing" in kinds
    assert after["findings"] == []
    assert Path(done["links"][0]["path"]).read_bytes() == noise.content


def test_two_processes_install_the_same_and_share_one_download(tmp_path):
    big = HostedFile(
        weights(tmp_path, megabytes=24), "big.safetensors", civitai=(901, 902, 903), type="LORA"
    )
    with EmbeddedHub([big]) as hub:
        sdreg = Shell(tmp_path, hub)
        sdreg("show", "civitai:901")  # both know its hash beforehand
        hub.forget_requests()
        both = [
            sdreg.start("install", "civitai:901", "--json", SDREG_LIMIT_RATE="20M")
            for _ in range(2)
        ]
        outcomes = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0], outcomes
    served = sum(length_of(request, big.size_bytes) for request in hub.requests)
    assert served <= 1.5 * big.size_bytes
    assert len(sdreg.blobs()) == 1
    assert len(sdreg("path", "civitai-901")["files"]) == 1


def length_of(request, size_bytes):
    if request.host != "localhost":
        return 0
    begin, end = request.headers["range"].removeprefix("bytes=").split("-")
    return (int(end) + 1 if end else size_bytes) - int(begin)


def test_a_ui_whose_drive_is_not_there_is_left_out_and_linked_later(tmp_path, noise):
    drive = tmp_path / "drive/ComfyUI"
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        absent = {"SDREG_UI_COMFYUI": str(drive)}
        plan = sdreg("install", "civitai:901", "--dry-run", **absent)
        (done,) = sdreg("install", "civitai:901", **absent)["files"]
        assert not drive.parent.exists()
        drive.mkdir(parents=True)
        (linked,) = sdreg("link", **absent)["files"]

    assert plan["absent_uis"] == [f"comfyui: {drive} is not there; run `sdreg link` when it is"]
    assert {link["layout"] for link in done["links"]} == {"library", "a1111"}
    assert [link["layout"] for link in linked["new"]] == ["comfyui"]
    assert (drive / "models/loras/noise.safetensors").is_file()


def test_a_catalog_cannot_send_us_to_a_private_address_but_the_user_can(tmp_path, noise):
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        for variable in ("HF_ENDPOINT", "SDREG_CIVITAI_URL"):
            del sdreg.environment[variable]
        url = f"{hub.address}/made-up/noise/resolve/main/noise.safetensors"
        sources = [{"hub": "direct", "url": url}]
        sdreg("catalog", "add", catalog(tmp_path, (noise, {"sources": sources})))
        hub.forget_requests()
        error = sdreg("install", "noise", expect=5)
        assert hub.requests == []
        (done,) = sdreg("install", url, "--sha256", noise.hashes["SHA256"])["files"]
        Path(done["path"]).unlink()
        for link in done["links"]:
            Path(link["path"]).unlink()
        repaired = sdreg("repair")["repaired"]

    assert error["code"] == "refused-address"
    assert done["proven"]
    assert len(repaired) == 1


def test_a_folder_that_takes_no_link_stops_nothing_else(tmp_path, noise):
    (tmp_path / "webui/models").mkdir(parents=True)
    (tmp_path / "webui/models/Lora").write_text("a file where a folder should be")
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        (done,) = sdreg("install", "civitai:901")["files"]
        sdreg("verify")
        (tmp_path / "webui/models/Lora").unlink()
        (linked,) = sdreg("link")["files"]

    assert {link["layout"] for link in done["links"]} == {"library", "comfyui"}
    assert done["notes"][0].startswith("not linked into a1111: ")
    assert [link["layout"] for link in linked["new"]] == ["a1111"]


def test_repair_names_what_is_in_the_way_and_leaves_it(tmp_path, noise):
    with EmbeddedHub([noise]) as hub:
        sdreg = Shell(tmp_path, hub)
        (done,) = sdreg("install", "civitai:901")["files"]
        place = Path(done["links"][1]["path"])
        place.unlink()
        place.write_text("something of the user's")
        report = sdreg("repair", expect=1)

    assert report["repaired"] == []
    (failure,) = report["failed"]
    assert failure["because"] == f"{place} is not ours: move it away, then run `sdreg link`"
    assert place.read_text() == "something of the user's"


def test_an_address_without_a_suffix_gets_the_one_of_its_content(tmp_path, noise):
    hosted = HostedFile(noise.content, "9208", huggingface=("a/b", "9208"))
    with EmbeddedHub([hosted]) as hub:
        sdreg = Shell(tmp_path, hub)
        del sdreg.environment["HF_ENDPOINT"]
        url = f"{hub.address}/a/b/resolve/main/9208"
        (done,) = sdreg("install", url, "--type", "lora", "--sha256", hosted.hashes["SHA256"])[
            "files"
        ]

    assert done["name"] == "9208.safetensors"
    assert done["notes"] == []
    assert (tmp_path / "webui/models/Lora/9208.safetensors").is_file()
