"""The shipped seed is what the script makes of the facts, and it loses none of them."""

import json
from pathlib import Path

import pytest

from registry.catalog import seed
from scripts import build_seed

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "catalog.seed.json"
FACTS = ROOT.parent / "shared" / "catalog" / "facts.json"


@pytest.fixture(scope="module")
def facts() -> dict:
    if not FACTS.exists():
        pytest.skip("the researched facts are not beside this checkout")
    return json.loads(FACTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def shipped() -> dict:
    return json.loads(SEED.read_text("utf-8"))


def files_of(document: dict):
    for model in document["models"]:
        for version in model["versions"]:
            for file in version["files"]:
                yield model, version, file


def test_the_shipped_seed_obeys_its_schema():
    document = seed.load_seed(SEED)

    assert (len(document.models), document.revision) == (118, build_seed.REVISION)


def test_the_same_facts_give_the_same_bytes(facts, tmp_path):
    build_seed.main([str(FACTS), str(tmp_path / "seed.json")])

    assert (tmp_path / "seed.json").read_bytes() == SEED.read_bytes()


def test_every_hash_size_source_and_sighting_of_the_facts_is_there(facts, shipped):
    kinds = ("sha256", "blake3", "autov1", "autov2", "autov3", "crc32")
    ours = sorted(
        (
            model["slug"],
            version["name"],
            file["name"],
            file.get("size_bytes") or 0,
            *(file.get("hashes", {}).get(kind) or "" for kind in kinds),
            file["confidence"],
            file.get("sha256_confidence") or "",
            file.get("size_confidence") or "",
            file.get("sha256_seen_in", []),
            file.get("size_seen_in", []),
            [source["seen_in"] for source in file.get("sources", [])],
        )
        for model, version, file in files_of(shipped)
    )
    theirs = sorted(
        (
            model["slug"],
            version["name"],
            file["filename"],
            file["bytes"] or 0,
            *((file[kind] or "").lower() for kind in kinds),
            file["confidence"],
            file["sha256_confidence"] or "",
            file["bytes_confidence"] or "",
            file["sha256_sources"],
            file["bytes_sources"],
            [source["seen_in"] for source in file.get("sources", [])],
        )
        for model, version, file in files_of(facts)
    )

    assert ours == theirs
    assert len(ours) == 279


def test_every_address_of_the_facts_can_be_made_again(facts, shipped):
    def addresses(source: dict) -> str:
        if source.get("url"):
            return source["url"]
        if source["hub"] == "huggingface":
            revision = source.get("version") or "main"
            return f"https://huggingface.co/{source['model']}/resolve/{revision}/{source['file']}"
        return f"https://civitai.com/api/download/models/{source['version']}"

    ours = sorted(addresses(s) for *_, file in files_of(shipped) for s in file.get("sources", []))
    theirs = sorted(s["url"] for *_, file in files_of(facts) for s in file["sources"])

    # With the id of the file, the query that picks it among its version's files is not needed.
    assert sorted(a.partition("?")[0] for a in ours) == sorted(t.partition("?")[0] for t in theirs)


def test_versions_of_civitai_stand_newest_first_in_their_places(shipped):
    anything = next(model for model in shipped["models"] if model["slug"] == "anything-v3")

    assert [version.get("hub_version_id") for version in anything["versions"]][:2] == [
        "11162",
        "75",
    ]


def test_what_is_null_in_the_facts_is_not_said(facts, shipped):
    ours = {model["slug"]: model for model in shipped["models"]}
    same = (
        "base",
        "author",
        "licence",
        "clip_skip",
        "native_resolution",
        "recommended_vae",
        "prediction_type",
        "nsfw",
        "status",
        "note",
        "prompt_notes",
        "confidence",
    )

    for model in facts["models"]:
        assert {k: ours[model["slug"]].get(k) for k in same} == {k: model[k] for k in same}
