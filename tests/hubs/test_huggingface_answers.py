import pytest
from huggingface_hub import ModelInfo

from registry.domain.model import FileRole
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Precision
from registry.hubs.huggingface_answers import model_of
from registry.hubs.huggingface_repo import Repo, RepoFile, repo_of

SITE = "https://huggingface.co"
SHA256 = "c74b4e810b030f6b75fde959e2db678c268d07115b85356d3c0138ba5eb42340"


@pytest.fixture
def turbo(recorded):
    """sdxl-turbo as the hub told it in December 2023, through the real library."""
    return repo_of(ModelInfo(**recorded("huggingface", "api-models-blobs.2023-12")))


def a_repo(*paths, **changes):
    facts = {"id": "owner/Repo", "commit": "c" * 40, "files": tuple(map(RepoFile, paths))}
    return Repo(**{**facts, **changes})


def read(repo, revision=None, path=None):
    return model_of(repo, SITE, revision=revision, path=path)


def roles(*paths):
    return {file.hub_file_id: file.role for _, file in read(a_repo(*paths)).files}


def test_a_real_repository_is_read(turbo):
    model = read(turbo)

    assert (model.slug, model.name) == ("stabilityai--sdxl-turbo", "sdxl-turbo")
    assert (model.type, model.base) == ("checkpoint", "sdxl-turbo")
    assert model.licence == "sai-nc-community"
    assert model.homepage == "https://huggingface.co/stabilityai/sdxl-turbo"
    assert model.hub_model_ids == ("huggingface:stabilityai/sdxl-turbo",)
    assert model.origin == "huggingface"


def test_a_commit_is_the_version_and_large_files_have_hashes(turbo):
    (version,) = read(turbo).versions
    weights = version.files[1]

    assert version.hub_version_id == "f4b0486b498f84668e828044de1d0c8ba486e05b"
    assert version.name == "main"
    assert weights.name == "sd_xl_turbo_1.0_fp16.safetensors"
    assert weights.size_bytes == 6938081905
    assert weights.hashes.sha256.startswith("e869ac7d6942cb32")
    assert weights.variant.precision is Precision.FP16
    assert weights.sources == (
        Source("huggingface", "stabilityai/sdxl-turbo", None, "sd_xl_turbo_1.0_fp16.safetensors"),
    )


def test_files_at_the_top_are_the_model_and_those_below_are_parts(turbo):
    told = {file.hub_file_id: file.role for _, file in read(turbo).files}

    assert told["sd_xl_turbo_1.0.safetensors"] is FileRole.WEIGHTS
    assert told["text_encoder/model.fp16.safetensors"] is FileRole.TEXT_ENCODER
    assert told["LICENSE.TXT"] is FileRole.CONFIG
    assert ".gitattributes" not in told
    assert "README.md" not in told


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("vae/diffusion_pytorch_model.safetensors", FileRole.VAE),
        ("text_encoder_2/model.safetensors", FileRole.TEXT_ENCODER),
        ("unet/diffusion_pytorch_model.safetensors", FileRole.DIFFUSION_MODEL),
        ("transformer/model.gguf", FileRole.DIFFUSION_MODEL),
        ("split_files/diffusion_models/a.safetensors", FileRole.DIFFUSION_MODEL),
        ("safety_checker/model.safetensors", FileRole.OTHER),
        ("tokenizer/vocab.json", FileRole.CONFIG),
        ("v1-inference.yaml", FileRole.CONFIG),
        ("workflows/a.json", FileRole.WORKFLOW),
        ("all.zip", FileRole.ARCHIVE),
        ("optimizer.bin", FileRole.TRAINING_DATA),
        ("old/b.ckpt", FileRole.OTHER),
    ],
)
def test_a_folder_says_what_a_file_is_for(path, role):
    assert roles("a.safetensors", path)[path] is role


def test_a_vae_beside_a_model_is_its_companion_and_alone_it_is_the_model():
    assert roles("a.ckpt", "a.vae.pt") == {"a.ckpt": FileRole.WEIGHTS, "a.vae.pt": FileRole.VAE}
    assert roles("kl-f8-anime2.vae.pt") == {"kl-f8-anime2.vae.pt": FileRole.WEIGHTS}


def test_models_may_all_lie_in_folders():
    assert roles("Models/A/a.safetensors") == {"Models/A/a.safetensors": FileRole.WEIGHTS}


def test_a_folder_for_diffusers_is_not_one_file():
    repo = a_repo("model_index.json", "unet/diffusion_pytorch_model.fp16.safetensors")
    path = "unet/diffusion_pytorch_model.fp16.safetensors"

    told = {file.hub_file_id: file.variant.format for _, file in read(repo).files}
    ((_, alone),) = read(repo, path=path).files

    assert told[path] is FileFormat.DIFFUSERS
    assert alone.variant.format is FileFormat.SAFETENSORS


def test_a_path_narrows_to_the_file_or_the_folder():
    repo = a_repo("a.ckpt", "vae/a.ckpt", "vae/b.yaml", "vaes/c.ckpt")

    assert [file.hub_file_id for _, file in read(repo, path="a.ckpt").files] == ["a.ckpt"]
    assert len(read(repo, path="vae").files) == 2
    assert read(repo, path="b").files == ()


def test_a_revision_that_was_asked_for_stays_in_the_sources():
    (version,) = read(a_repo("a.ckpt"), revision="v2").versions

    assert (version.name, version.hub_version_id) == ("v2", "c" * 40)
    assert version.files[0].sources[0].version == "v2"


def test_who_names_a_repository_for_inpainting_wants_just_that():
    beside = read(a_repo("a-inpainting.ckpt"))
    itself = read(a_repo("a-inpainting.ckpt", id="owner/stable-diffusion-inpainting"))

    assert [file.inpainting for _, file in (*beside.files, *itself.files)] == [True, False]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ((), "other"),
        (("text-to-image", "lora"), "lora"),
        (("lora", "text-to-image"), "lora"),
        (("diffusers:StableDiffusionPipeline",), "checkpoint"),
        (("textual_inversion",), "embedding"),
        (("controlnet", "text-to-image"), "controlnet"),
        (("hologram",), "other"),
    ],
)
def test_tags_say_what_a_repository_is(tags, kind):
    assert read(a_repo("a.safetensors", tags=tags)).type == kind


def test_a_gated_repository_says_so_beforehand():
    ((_, file),) = read(a_repo("a.ckpt", gated=True)).files

    assert "accept the conditions" in file.gated


def test_a_hash_that_is_none_is_left_out():
    repo = a_repo(files=(RepoFile("a.pt", 3, "abc"), RepoFile("b.pt", 3, SHA256)))

    assert [file.hashes.sha256 for _, file in read(repo).files] == [None, SHA256]
