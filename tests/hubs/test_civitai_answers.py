import pytest

from registry.domain.hashes import Hash, HashKind
from registry.domain.model import FileRole
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Precision, Pruning, Variant
from registry.hubs.civitai_answers import exact_bytes, model_of, model_of_version, narrowed

SITE = "https://civitai.com"


@pytest.fixture
def anything(recorded):
    """Anything V3 as Civitai told it in July 2023."""
    return model_of(recorded("civitai", "model-66-files.2023-07"), SITE)


def a_model(**changes):
    """The least that a model needs, with changes to its only file."""
    file = {"id": 446, "name": "a.safetensors", "type": "Model", **changes}
    return {"id": 66, "type": "Checkpoint", "modelVersions": [{"id": 75, "files": [file]}]}


def only_file(answer):
    ((_, file),) = model_of(answer, SITE).files
    return file


def test_a_model_of_2023_is_read(anything):
    assert (anything.slug, anything.name, anything.type) == (
        "civitai-66",
        "Anything V3",
        "checkpoint",
    )
    assert anything.base == "sd1"
    assert anything.author == "Yuno779"
    assert anything.homepage == "https://civitai.com/models/66"
    assert anything.hub_model_ids == ("civitai:66",)
    assert anything.origin == "civitai"
    assert anything.nsfw is False
    assert dict(anything.permissions) == {
        "allowNoCredit": "yes",
        "allowDerivatives": "yes",
        "allowDifferentLicense": "yes",
        "allowCommercialUse": "Sell",
    }


def test_a_file_keeps_its_ids_hashes_and_exact_length(anything):
    (version,) = anything.versions
    weights = version.files[0]

    assert (version.name, version.hub_version_id, version.base_model) == ("fp16", "75", "SD 1.5")
    assert weights.name == "anythingV3_fp16.ckpt"
    assert weights.role is FileRole.WEIGHTS
    assert weights.variant == Variant(FileFormat.PICKLE, Precision.FP16, Pruning.FULL)
    assert weights.size_bytes == 2132857196
    assert weights.hashes.sha256 == (
        "812cd9f9d9a0cb62aaad605173fd64dea13cc8ead9a18ca8eca5bc94aba58583"
    )
    assert weights.hashes.get(HashKind.AUTOV1) == Hash.parse("autov1:38c1ebe3")
    assert weights.sources == (Source("civitai", model="66", version="75", file="446"),)
    assert weights.is_primary
    assert weights.note is None


def test_a_vae_beside_a_checkpoint_is_not_the_model(anything):
    vae = anything.versions[0].files[1]

    assert (vae.role, vae.variant.format, vae.is_primary) == (
        FileRole.VAE,
        FileFormat.PICKLE,
        False,
    )


def test_two_files_of_one_name_stay_two(recorded):
    model = model_of(recorded("civitai", "model-4201-files.2023-07"), SITE)

    named = [
        (file.hub_file_id, file.variant.pruning, file.size_bytes)
        for file in model.versions[0].files
        if file.name == "realisticVisionV30_v30VAE.safetensors"
    ]

    assert named == [
        ("74299", Pruning.PRUNED, 2132650982),
        ("74303", Pruning.FULL, 4244124026),
    ]


def test_inpainting_is_told_from_the_name(recorded):
    model = model_of(recorded("civitai", "model-4201-files.2023-07"), SITE)

    assert not any(file.inpainting for file in model.versions[0].files)
    assert all(file.inpainting for file in model.versions[1].files)


def test_a_length_printed_with_sixteen_digits_is_still_exact(recorded):
    model = model_of(recorded("civitai", "model-4201-files.2023-07"), SITE)

    sizes = [file.size_bytes for file in model.versions[1].files]

    assert sizes == [2132982789, 4244176826, 2132679782, 4244438691]


def test_an_embedding_knows_its_negative_twin(recorded):
    model = model_of(recorded("civitai", "textualinversion-negative-file.2023-07"), SITE)

    assert model.type == "embedding"
    assert model.trigger_words == ("paintstyle6",)
    assert [file.role for _, file in model.files] == [FileRole.WEIGHTS, FileRole.NEGATIVE]


@pytest.mark.parametrize("length", [12, 64])
def test_an_autov3_has_twelve_or_sixty_four_digits(recorded, length):
    name = {12: "model-example.2024-03", 64: "model-215485.2023-12"}[length]
    model = model_of(recorded("civitai", name), SITE)

    assert len(model.files[0][1].hashes.get(HashKind.AUTOV3).digits) == length


def test_hashes_that_documents_cut_short_are_not_hashes(recorded):
    model = model_of(recorded("civitai", "models-list.docs-2026")["items"][0], SITE)

    ((_, file),) = model.files
    assert [str(known) for known in file.hashes] == ["autov2:a5f58eb1c3"]
    assert file.size_bytes is None


def test_a_version_without_its_model_number_tells_of_no_model(recorded):
    assert model_of_version(recorded("civitai", "model-version-135867.2023-08"), SITE) is None


def test_a_version_alone_is_a_model_with_one_version(recorded):
    model = model_of_version(recorded("civitai", "model-version-399893.2024-03"), SITE)

    assert model.slug == "civitai-357756"
    assert model.name.startswith("布川 ミク pony版")
    assert (model.type, model.base) == ("lora", "sdxl-pony")
    assert model.trigger_words[0].startswith("fukawa_miku, green eyes")


def test_versions_stand_in_their_authors_order(recorded):
    model = model_of(recorded("civitai", "model-215485.2023-12"), SITE)

    assert [version.name for version in model.versions] == ["v1-128dim", "v1-64dim", "v1-16dim"]
    assert model.versions[1].files[0].role is FileRole.TRAINING_DATA


@pytest.mark.parametrize(
    ("told", "uses"),
    [
        ("Sell", "Sell"),
        (["Image", "RentCivit"], "Image, RentCivit"),
        ("{Image,RentCivit}", "Image, RentCivit"),
        ([], "None"),
        ("{}", "None"),
        (7, "None"),
    ],
)
def test_commercial_use_was_told_in_three_ways(told, uses):
    model = model_of({"id": 1, "allowCommercialUse": told}, SITE)

    assert dict(model.permissions)["allowCommercialUse"] == uses


@pytest.mark.parametrize(
    ("size_kb", "count"),
    [
        (9.9462890625, 10185),
        (2082991.004882812, 2132982789),
        (4265384, None),
        (6775430.35, None),
        (0.5, None),
        (-1.123, None),
        (float("inf"), None),
        (10**400, None),
        ("12.3456", None),
        (None, None),
        (True, None),
    ],
)
def test_a_length_is_exact_or_not_known(size_kb, count):
    assert exact_bytes(size_kb) == count


@pytest.mark.parametrize(
    ("label", "kind", "role"),
    [
        ("Model", "Checkpoint", FileRole.WEIGHTS),
        ("Pruned Model", "Checkpoint", FileRole.WEIGHTS),
        ("VAE", "Checkpoint", FileRole.VAE),
        ("VAE", "VAE", FileRole.WEIGHTS),
        ("Upscaler", "Upscaler", FileRole.WEIGHTS),
        ("ControlNet", "Controlnet", FileRole.WEIGHTS),
        ("ControlNet", "Checkpoint", FileRole.OTHER),
        ("UNet", "Checkpoint", FileRole.DIFFUSION_MODEL),
        ("Diffusion Model", "Checkpoint", FileRole.DIFFUSION_MODEL),
        ("Text Encoder", "Checkpoint", FileRole.TEXT_ENCODER),
        ("Config", "Checkpoint", FileRole.CONFIG),
        ("Training Data", "LORA", FileRole.TRAINING_DATA),
        ("Archive", "Other", FileRole.ARCHIVE),
        ("Workflow", "Workflows", FileRole.WORKFLOW),
        ("Hologram", "Checkpoint", FileRole.OTHER),
        (None, "Checkpoint", FileRole.WEIGHTS),
    ],
)
def test_the_type_of_a_file_says_what_it_is_for(label, kind, role):
    assert only_file({**a_model(type=label), "type": kind}).role is role


@pytest.mark.parametrize(
    ("name", "told", "variant"),
    [
        ("a.ckpt", {"format": "SafeTensor"}, Variant(FileFormat.PICKLE)),
        ("a", {"format": "GGUF"}, Variant(FileFormat.GGUF)),
        ("a.zip", {"format": "Diffusers"}, Variant(FileFormat.ZIP)),
        ("a.safetensors", {"fp": "fp8_scaled"}, Variant(FileFormat.SAFETENSORS, Precision.FP8)),
        ("a-fp16.safetensors", {"fp": None}, Variant(FileFormat.SAFETENSORS, Precision.FP16)),
        ("a.safetensors", None, Variant(FileFormat.SAFETENSORS)),
        ("a.safetensors", ["odd"], Variant(FileFormat.SAFETENSORS)),
    ],
)
def test_a_variant_comes_from_the_suffix_and_the_uploaders_words(name, told, variant):
    assert only_file(a_model(name=name, metadata=told)).variant == variant


def test_a_precision_without_a_name_of_ours_is_kept_in_words():
    file = only_file(a_model(metadata={"fp": "nvfp4", "quantType": "Q4_K_M"}))

    assert (file.variant.precision, file.detail) == (None, "nvfp4 Q4_K_M")


def test_what_the_scanners_found_is_noted():
    file = only_file(
        a_model(
            virusScanResult="Success",
            pickleScanResult="Danger",
            pickleScanMessage="os.system",
        )
    )

    assert file.note == "pickle scan: Danger (os.system)"


def test_early_access_and_use_on_the_site_only_are_said_beforehand():
    early, inside = a_model(), a_model()
    early["modelVersions"][0] |= {"availability": "EarlyAccess", "earlyAccessEndsAt": "2027-01-01"}
    inside["modelVersions"][0] |= {"usageControl": "Generation"}

    assert only_file(early).gated == "early access until 2027-01-01"
    assert only_file(inside).gated == "its creator lets it be used on the site only"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": None},
        {"id": True},
        {"id": -1},
        {"id": 1.5},
        {"id": 2**70},
        {"id": "x"},
    ],
)
def test_a_model_without_a_sane_number_is_none(answer):
    assert model_of(answer, SITE) is None


@pytest.mark.parametrize("nothing", [None, [], {}, "x", 7, [None, 7, "x", []]])
def test_nulls_and_oddities_where_lists_are_expected_are_nothing(nothing):
    answer = {
        "id": 1,
        "creator": nothing,
        "tags": nothing,
        "modelVersions": [
            {"id": 2, "files": nothing, "trainedWords": nothing if nothing != "x" else None},
            {"id": 3, "files": [{"id": 4, "name": "a.pt", "hashes": nothing, "metadata": nothing}]},
            {"files": []},
        ],
    }

    model = model_of(answer, SITE)

    assert [version.hub_version_id for version in model.versions] == ["2", "3"]
    assert [file.name for _, file in model.files] == ["a.pt"]


def test_hostile_texts_stay_data():
    name = "</script>\x1b]8;;javascript:alert(1)\x07\u202egpj.exe\u200b=cmd|'/c calc'!A1"

    model = model_of({**a_model(name=f"../../{name}.pt"), "name": name}, SITE)

    assert model.name == name
    assert model.files[0][1].name == f"../../{name}.pt"


def test_what_no_database_can_hold_is_replaced():
    assert model_of({"id": 1, "name": "a\x00b\ud800c"}, SITE).name == "a\ufffdb\ufffdc"


def test_a_text_has_an_end():
    assert len(model_of({"id": 1, "name": "a" * 100_000}, SITE).name) == 10_000


def test_a_model_is_narrowed_to_a_version_and_a_file(recorded):
    model = model_of(recorded("civitai", "model-4201-files.2023-07"), SITE)

    assert [v.name for v in narrowed(model, version="105723", file=None).versions] == [
        "v3.0-inpainting (VAE)"
    ]
    ((version, file),) = narrowed(model, version=None, file="74303").files
    assert (version.hub_version_id, file.hub_file_id) == ("105674", "74303")
    assert narrowed(model, version="105723", file="74303").versions == ()
