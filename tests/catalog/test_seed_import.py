"""Taking catalog files in: everything arrives, nothing is erased, all of it or nothing."""

import copy
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from registry.catalog import open_catalog, rows, seed
from registry.domain.hashes import Hashes
from registry.domain.reference import HubRef
from registry.errors import AmbiguousReference, CatalogInvalid
from tests.catalog.conftest import NOON
from tests.catalog.documents import a_document, a_file, a_model, a_version, as_bytes, digits

SEED = Path(__file__).resolve().parents[2] / "catalog.seed.json"


def add(catalog, *models, **changes):
    """Add models to a catalog as a user would."""
    document = seed.check(as_bytes(a_document(*models, **changes)), file="mine.json")
    return seed.import_seed(catalog, document)


def exported(catalog) -> dict:
    return {model["slug"]: model for model in catalog.export()["models"]}


def test_the_seed_comes_out_of_the_catalog_exactly_as_it_went_in(seeded):
    document = json.loads(SEED.read_text("utf-8"))

    out = seeded.export()

    assert out["models"] == document["models"]
    assert out["evidence"] == {
        key: document["evidence"][key] for key in sorted(document["evidence"])
    }


def test_adding_an_export_of_the_catalog_changes_nothing(seeded):
    before = seeded.export()

    outcome = seed.import_seed(seeded, seed.check(as_bytes(before), file="export.json"))

    assert (outcome.added, outcome.updated, outcome.unchanged) == (0, 0, 118)
    assert seeded.export() == before


def test_an_export_fills_an_empty_catalog_to_the_same(seeded, opened):
    other = opened("other.db")

    seed.import_seed(other, seed.check(as_bytes(seeded.export()), file="export.json"))

    assert other.export() == seeded.export()


def test_a_users_model_is_the_users(empty):
    add(empty, a_model("mine"))

    model = empty.models.find("mine")

    assert model.origin == "user"
    assert model.files[0][1].hashes.sha256 == digits("toy.safetensors")


def test_what_is_not_known_is_filled_in_and_what_is_known_is_updated(empty):
    add(empty, a_model(author="Ada", note="old"))

    outcome = add(empty, a_model(note="new", licence="MIT", clip_skip=2, clip_skip_source="Ada"))

    model = empty.models.find("toy")
    assert outcome.updated == 1
    assert (model.author, model.note, model.licence) == ("Ada", "new", "MIT")
    assert (model.clip_skip.value, model.clip_skip.learned_from) == (2, "Ada")


def test_null_erases_nothing(empty):
    add(empty, a_model(author="Ada", trigger_words=["toy style"], base="sdxl"))

    outcome = add(empty, {"slug": "toy", "name": "Toy", "type": "checkpoint", "versions": []})

    model = empty.models.find("toy")
    assert outcome.unchanged == 1
    assert (model.author, model.trigger_words, model.base) == ("Ada", ("toy style",), "sdxl")
    assert len(model.versions) == 1


def test_a_fact_takes_its_source_along(empty):
    add(empty, a_model(native_resolution=512, native_resolution_source="guessed"))

    add(empty, a_model(native_resolution=768))

    out = exported(empty)["toy"]
    assert out["native_resolution"] == 768
    assert "native_resolution_source" not in out


def test_lists_are_united_ours_first(empty):
    source = {"hub": "huggingface", "model": "mirror/toy", "file": "toy.safetensors"}
    add(empty, a_model(pages=["https://a.example/1"], trigger_words=["one"]))

    add(
        empty,
        a_model(
            pages=["https://a.example/2", "https://a.example/1"],
            trigger_words=["two", "one"],
            versions=[a_version(files=[a_file(sources=[source], aliases=["old.ckpt"])])],
        ),
    )

    model = empty.models.find("toy")
    ((_, file),) = model.files
    assert model.pages == ("https://a.example/1", "https://a.example/2")
    assert model.trigger_words == ("one", "two")
    assert [s.model for s in file.sources] == ["owner/toy", "mirror/toy"]
    assert file.aliases == ("old.ckpt",)


def test_a_contradicting_sha256_makes_another_file_and_leaves_ours(empty):
    add(empty, a_model(versions=[a_version(files=[a_file(hub_file_id="446")])]))

    replaced = a_file(hub_file_id="446", hashes={"sha256": digits("replaced")})
    add(empty, a_model(versions=[a_version(files=[replaced])]))

    files = [file for _, file in empty.models.find("toy").files]
    assert [file.hashes.sha256 for file in files] == [
        digits("toy.safetensors"),
        digits("replaced"),
    ]


def test_a_file_without_a_hash_learns_it_later(empty):
    add(empty, a_model(versions=[a_version(files=[a_file(hashes={}, size_bytes=None)])]))

    add(empty, a_model())

    ((_, file),) = empty.models.find("toy").files
    assert (file.hashes.sha256, file.size_bytes) == (digits("toy.safetensors"), 1000)


def test_two_files_of_one_name_are_told_apart_by_their_ids(empty):
    twins = [a_file(hub_file_id="1", hashes={}), a_file(hub_file_id="2", hashes={})]
    add(empty, a_model(versions=[a_version(files=twins)]))

    add(empty, a_model(versions=[a_version(files=[{**twins[1], "size_bytes": 2000}])]))

    files = [file for _, file in empty.models.find("toy").files]
    assert [(file.hub_file_id, file.size_bytes) for file in files] == [("1", 1000), ("2", 2000)]


def test_versions_take_the_order_of_the_newer_file_and_keep_the_rest(empty):
    versions = [a_version("v1", hub_version_id="1"), a_version("local")]
    add(empty, a_model(versions=versions))

    add(empty, a_model(versions=[a_version("v2", hub_version_id="2"), versions[0]]))

    names = [version.name for version in empty.models.find("toy").versions]
    assert names == ["v2", "v1", "local"]


def test_one_hash_can_belong_to_several_models(empty):
    add(empty, a_model("one"), a_model("two"))

    found = empty.models.by_hash(Hashes.of(f"sha256:{digits('toy.safetensors')}").items[0])

    assert [model.slug for model, _, _ in found] == ["one", "two"]


def test_unverified_sizes_never_become_sizes(seeded):
    model = seeded.models.find("waifu-diffusion-1-3")

    (file,) = [file for _, file in model.files if file.name == "waifuDiffusion_v12.ckpt"]

    assert file.size_bytes is None
    assert "2132855808" in json.dumps(exported(seeded)["waifu-diffusion-1-3"])


def test_a_wrong_file_leaves_the_catalog_as_it_was(empty, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_bytes(as_bytes(a_document(a_model("good"), a_model("bad", type=7))))

    with pytest.raises(CatalogInvalid):
        seed.import_seed(empty, seed.load_seed(bad))

    assert empty.models.count() == 0


# ── seed revisions ────────────────────────────────────────────────────────────────────────────────


def shipped(tmp_path: Path, revision: int, *models) -> Path:
    """A seed file as a release would bring it."""
    file = tmp_path / f"seed-{revision}.json"
    document = a_document(*models, revision=revision)
    file.write_text(json.dumps(document, indent=1), "utf-8")
    return file


def test_a_higher_revision_of_the_seed_is_taken_in(opened, tmp_path):
    opened(seed=shipped(tmp_path, 1, a_model("one"))).close()

    later = opened(seed=shipped(tmp_path, 2, a_model("one", note="more"), a_model("two")))

    assert later.models.count() == 2
    assert later.models.find("one").note == "more"
    assert later.models.find("two").origin == "seed"


def test_a_lower_revision_of_the_seed_is_left_alone(opened, tmp_path):
    opened(seed=shipped(tmp_path, 2, a_model("one"))).close()

    older = opened(seed=shipped(tmp_path, 1, a_model("one"), a_model("two")))

    assert older.models.count() == 1
    assert older.database.rows("SELECT value FROM catalog_meta WHERE key = 'seed_revision'") == [
        ("2",)
    ]


def test_a_newer_seed_overrules_the_older_but_not_the_user(opened, tmp_path):
    catalog = opened(seed=shipped(tmp_path, 1, a_model("one", note="first")))
    add(catalog, a_model("mine", note="the user's"))
    catalog.close()

    later = opened(
        seed=shipped(tmp_path, 2, a_model("one", note="second"), a_model("mine", note="the seed's"))
    )

    assert later.models.find("one").note == "second"
    assert later.models.find("mine").note == "the user's"
    assert later.models.find("mine").origin == "user"


# ── killed in the middle ──────────────────────────────────────────────────────────────────────────


def _import_and_die(path: str, backups: str, content: bytes) -> None:
    catalog = open_catalog(Path(path), backups=Path(backups), clock=lambda: NOON, seed=None)
    document = seed.check(content, file="mine.json")
    # The models come from a generator: the process dies after rows were written, before the end.
    models = iter(document.models)

    class Dying:
        def __iter__(self):
            for count, model in enumerate(models):
                if count == 1500:
                    os._exit(9)
                yield model

    dying = copy.copy(document)
    object.__setattr__(dying, "models", Dying())
    rows.FLUSH_ROWS = 1  # write what is there after every chunk, as a large file would
    seed.import_seed(catalog, dying)


def test_an_import_that_is_killed_leaves_nothing_behind(opened, tmp_path):
    catalog = opened()
    add(catalog, a_model("before"))
    catalog.close()
    content = as_bytes(a_document(*(a_model(f"toy-{number}") for number in range(2000))))
    process = multiprocessing.get_context("spawn").Process(
        target=_import_and_die, args=(str(catalog.path), str(tmp_path / "backups"), content)
    )
    process.start()
    process.join(60)

    assert process.exitcode == 9
    again = opened()
    assert [model.slug for model in again.models.overview()] == ["before"]
    assert again.check() == ()
    add(again, a_model("after"))
    assert again.models.count() == 2


def test_a_hub_id_that_several_models_share_is_said_to_be_ambiguous(seeded):
    with pytest.raises(AmbiguousReference, match="civitai:38784 may mean controlnet-canny, "):
        seeded.models.by_hub(HubRef("civitai", "38784"))
