"""Finding, listing and searching what the seed knows."""

import pytest

from registry.catalog import seed
from registry.catalog.mapping import load_models
from registry.catalog.search import match_expression
from registry.domain.hashes import Hash
from registry.domain.model import FileRole
from registry.domain.reference import parse
from registry.domain.variant import FileFormat, Precision, Pruning
from tests.catalog.documents import a_document, a_file, a_model, a_version, as_bytes


def slugs(models) -> list[str]:
    return [model.slug for model in models]


# ── one model ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    ["anything-v3", "Anything V3", "ANYTHING_V3", "  anything-v3 ", "anythingV3_fp16.ckpt"],
)
def test_a_model_is_found_by_slug_by_name_however_spelled_and_by_file(seeded, name):
    assert seeded.models.find(name).slug == "anything-v3"


def test_a_model_is_found_by_another_name_of_one_of_its_files(seeded):
    assert seeded.models.find("v15PrunedEmaonly_v15PrunedEmaonly.safetensors").slug == "sd-v1-5"


def test_an_unknown_name_finds_nothing(seeded):
    assert seeded.models.find("no-such-model") is None
    assert seeded.models.find("") is None


def test_anything_v3_says_clip_skip_2_and_where_that_is_known_from(seeded):
    skip = seeded.models.find("anything-v3").clip_skip

    assert skip.value == 2
    assert "sample metadata" in skip.learned_from
    assert skip.note == "NAI-derived anime model"


def test_a_model_comes_with_everything_that_belongs_to_it(seeded):
    model = seeded.models.find("easynegative")

    ((version, first), *_) = model.files
    assert (model.type, model.base, model.origin) == ("embedding", "sd1", "seed")
    assert model.trigger_words == ("easynegative",)
    assert version.files
    assert any(
        file.hashes.sha256 == "c74b4e810b030f6b75fde959e2db678c268d07115b85356d3c0138ba5eb42340"
        and file.variant.format is FileFormat.SAFETENSORS
        for _, file in model.files
    )
    assert first.id is not None


def test_the_publishers_words_become_roles_and_variants(seeded):
    files = {file.name: file for _, file in seeded.models.find("anything-v3").files}

    assert files["Anything-V3.0.vae.pt"].role is FileRole.VAE
    fp16 = files["anything-v3-fp16-pruned.safetensors"].variant
    assert (fp16.precision, fp16.pruning) == (Precision.FP16, Pruning.PRUNED)
    assert files["AnythingV5Ink_v30.ckpt"].variant.pruning is Pruning.FULL
    controlnet = seeded.models.find("controlnet-canny").files
    assert {file.role for _, file in controlnet} == {FileRole.WEIGHTS, FileRole.CONFIG}


def test_a_gated_file_says_why(seeded):
    reasons = {file.gated for model in seeded.models.overview() for _, file in model.files}

    assert any("HF gated (licence acceptance)" in reason for reason in reasons if reason)
    assert None in reasons
    assert len(reasons) == 3


def test_a_source_of_civitai_keeps_its_address_only_where_no_id_tells_the_file(seeded):
    places = [
        source
        for model in seeded.models.overview()
        for _, file in model.files
        for source in file.sources
        if source.hub == "civitai" and source.url
    ]

    assert places
    assert all(place.file is None and "?" in place.url for place in places)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anythng-v3", "anything-v3"),
        ("easynegatve", "easynegative"),
        ("inkpunk", "inkpunk-diffusion"),
        ("Dream Shaper", "dreamshaper"),
        ("realisticvision", "realistic-vision"),
    ],
)
def test_a_mistyped_name_has_neighbours(seeded, typed, meant):
    assert meant in seeded.models.near(typed)


def test_a_name_like_no_other_has_no_neighbours(seeded):
    assert seeded.models.near("qqqqqqqqqqqq") == ()


def test_completion_gives_slugs_in_order(seeded):
    assert seeded.models.names("any") == ("anything-v3", "anything-v5")
    assert len(seeded.models.names("", limit=10)) == 10


# ── hubs and hashes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reference", "slug", "files"),
    [
        ("civitai:66", "anything-v3", ["anythingV3_fp16.ckpt", "Anything-V3.0.vae.pt"]),
        ("civitai:66@75", "anything-v3", ["anythingV3_fp16.ckpt", "Anything-V3.0.vae.pt"]),
        ("civitai:@75", "anything-v3", ["anythingV3_fp16.ckpt", "Anything-V3.0.vae.pt"]),
        ("civitai:66@75+446", "anything-v3", ["anythingV3_fp16.ckpt"]),
        ("civitai:66@75+3725", "anything-v3", ["Anything-V3.0.vae.pt"]),
        ("civitai:9409@11162", "anything-v3", ["AnythingV5Ink_v30.ckpt", "Anything-V3.0.vae.pt"]),
        (
            "civitai:9409",
            "anything-v5",
            ["AnythingV5Ink_ink.safetensors", "AnythingV5Ink_v5PrtRE.safetensors"],
        ),
        (
            "hf:Linaqruf/anything-v3.0:anything-v3-full.safetensors",
            "anything-v3",
            ["anything-v3-full.safetensors"],
        ),
        (
            "hf:stabilityai/sd-vae-ft-mse-original@main",
            "vae-ft-mse-840000",
            [
                "vae-ft-mse-840000-ema-pruned.safetensors",
                "vae-ft-mse-840000-ema-pruned.ckpt",
            ],
        ),
    ],
)
def test_ids_of_a_hub_find_our_model_with_only_what_they_name(seeded, reference, slug, files):
    model = seeded.models.by_hub(parse(reference))

    assert model.slug == slug
    assert [file.name for _, file in model.files] == files


@pytest.mark.parametrize(
    "reference",
    [
        "civitai:999999999",
        "civitai:66@76",
        "civitai:67@75",
        "civitai:66@75+9",
        "hf:no/body",
        "hf:Linaqruf/anything-v3.0@0123abc",
        "hf:Linaqruf/anything-v3.0:none.bin",
    ],
)
def test_ids_that_the_catalog_does_not_hold_find_nothing(seeded, reference):
    assert seeded.models.by_hub(parse(reference)) is None


def test_a_short_hash_finds_what_begins_with_it(seeded):
    found = seeded.models.by_hash(Hash.parse("autov2:6ce0161689"))

    assert ("sd-v1-5", "v1-5-pruned-emaonly.safetensors") in {
        (model.slug, file.name) for model, _, file in found
    }


def test_bytes_that_stand_under_several_models_are_found_under_all(seeded):
    vae = "sha256:f921fb3f29891d2a77a6571e56b8b5052420d2884129517a333c60b1b4816cdf"

    found = seeded.models.by_hash(Hash.parse(vae))

    assert [model.slug for model, _, _ in found] == [
        "abyssorangemix3",
        "anything-v3",
        "anything-v3",
        "nai-anime-vae",
    ]


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────


def test_lists_are_in_order_of_the_slugs_and_come_in_pages(seeded):
    everything = slugs(seeded.models.overview())

    assert everything == sorted(everything)
    assert slugs(seeded.models.overview(limit=5, offset=3)) == everything[3:8]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("checkpoint", 39),
        ("controlnet", 18),
        ("lora", 17),
        ("upscaler", 13),
        ("embedding", 12),
        ("vae", 9),
        ("hypernetwork", 6),
        ("lycoris", 4),
        ("nothing", 0),
    ],
)
def test_lists_narrow_to_a_type(seeded, wanted, number):
    assert len(seeded.models.overview(type=wanted)) == number
    assert seeded.models.count(type=wanted) == number


def test_a_base_finds_its_whole_family(seeded):
    bases = {model.base for model in seeded.models.overview(base="sdxl")}

    assert bases == {
        "sdxl",
        "sdxl-pony",
        "sdxl-illustrious",
        "sdxl-refiner",
        "sdxl-turbo",
        "sd1+sdxl",
    }
    assert {model.base for model in seeded.models.overview(base="sdxl-pony")} == {"sdxl-pony"}
    assert seeded.models.count(base="sd1") == 72


def test_lists_take_a_constant_number_of_queries(seeded):
    class Counting:
        def __init__(self):
            self.count = 0

        def rows(self, sql, parameters=()):
            self.count += 1
            return seeded.database.rows(sql, parameters)

    few, many = Counting(), Counting()
    load_models(few, [1])
    load_models(many, list(range(1, 119)))

    assert few.count == many.count < 20


# ── search ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["ink", "nvinkpunk", "INKPUNK", "nvink", "diff inkpunk"])
def test_inkpunk_is_found_by_name_and_trigger_word(seeded, text):
    found = slugs(seeded.models.search(text))

    assert found[0] == "inkpunk-diffusion"


def test_a_name_stands_before_a_trigger_word_and_this_before_the_rest(empty):
    models = [
        a_model("zz-rest", note="a zebra in the notes"),
        a_model("yy-word", trigger_words=["zebra style"]),
        a_model("zebra"),
    ]
    seed.import_seed(empty, seed.check(as_bytes(a_document(*models)), file="x"))

    assert slugs(empty.models.search("zebra")) == ["zebra", "yy-word", "zz-rest"]


def test_every_word_must_be_found(seeded):
    assert "anything-v3" in slugs(seeded.models.search("anything vae"))
    assert seeded.models.search("anything zebra") == ()


def test_search_finds_types_bases_authors_files_and_notes(empty):
    model = a_model(
        type="lora",
        author="Ada Lovelace",
        note="for engines",
        versions=[a_version(files=[a_file("difference.safetensors", aliases=["analytical.pt"])])],
    )
    seed.import_seed(empty, seed.check(as_bytes(a_document(model)), file="x"))

    for text in ("lora", "sd1", "lovelace", "engines", "difference", "analytical"):
        assert slugs(empty.models.search(text)) == ["toy"], text


def test_search_follows_every_change(empty):
    add = lambda **changes: seed.import_seed(  # noqa: E731 - three calls in three lines
        empty, seed.check(as_bytes(a_document(a_model(**changes))), file="x")
    )
    add(note="first")
    add(note="second", trigger_words=["wonder"])

    assert empty.models.search("first") == ()
    assert slugs(empty.models.search("second")) == slugs(empty.models.search("wonder")) == ["toy"]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        "a OR",
        "NOT",
        "AND",
        "NEAR(a b)",
        "slug:x",
        "{a b}: c",
        "^a",
        "a*",
        "*",
        "-a",
        "(",
        "a + b",
        "%_",
        "\x00",
        "\ud83d\ude00",
        "☃",
        "²",
        "́",
        "a" * 10_000,
        "a " * 10_000,
        "",
        "   ",
    ],
)
def test_no_text_can_break_the_search(seeded, text):
    seeded.models.search(text)


def test_words_are_quoted_one_by_one():
    assert match_expression('say "hi" OR bye') == '("say" * AND "hi" * AND "OR" * AND "bye" *)'
    assert match_expression(" -*- ") is None


def test_letters_of_any_script_are_words(empty):
    models = [a_model("kanji", name="墨絵 スタイル"), a_model("accent", name="Épée")]
    seed.import_seed(empty, seed.check(as_bytes(a_document(*models)), file="x"))

    assert slugs(empty.models.search("墨")) == ["kanji"]
    assert slugs(empty.models.search("epee")) == ["accent"]
