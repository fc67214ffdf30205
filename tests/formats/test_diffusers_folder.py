"""Folders in the form of diffusers: their parts, their shards, and what may not be in an index."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from registry.errors import MalformedHeader, NotAModelFile
from registry.formats.diffusers_folder import read_folder
from registry.operations.inspect import inspect_file

UNET = {
    "conv_in.weight": np.zeros((8, 4, 3, 3), np.float16),
    "time_embedding.linear_1.weight": np.zeros((8, 4), np.float16),
    "down_blocks.0.resnets.0.conv1.weight": np.zeros((8, 8, 3, 3), np.float16),
    "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight": np.zeros(
        (8, 768), np.float16
    ),
}
VAE = {"decoder.conv_in.weight": np.zeros((8, 4, 3, 3), np.float32)}


def write(folder, weights, config=None, *, name="diffusion_pytorch_model.safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    (folder / name).write_bytes(save(weights))


def shard(folder, parts, **index):
    folder.mkdir(parents=True, exist_ok=True)
    weight_map = {}
    for number, weights in enumerate(parts, 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        (folder / file).write_bytes(save(weights))
        weight_map |= dict.fromkeys(weights, file)
    document = {"metadata": {"total_size": 7}, "weight_map": weight_map, **index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(document))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    write(folder / "unet", UNET, {"_class_name": "UNet2DConditionModel"})
    write(folder / "vae", VAE, {"_class_name": "AutoencoderKL"})
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "DDIMScheduler", "prediction_type": "v_prediction"}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.0",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "safety_checker": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_a_folder_is_a_model_with_its_parts(model):
    folder = read_folder(model)

    assert folder.pipeline == "StableDiffusionPipeline"
    assert [(part.name, part.index is not None) for part in folder.parts] == [
        ("unet", True),
        ("vae", True),
        ("scheduler", False),
    ]
    sizes = [path.stat().st_size for path in model.rglob("*.safetensors")]
    assert folder.size_bytes == sum(sizes)


def test_a_folder_is_identified_by_the_network_that_paints(model):
    found = inspect_file(model)

    assert (found.format, found.tensors, found.hashes) == ("diffusers", 5, {})
    assert found.identity.model_type == "checkpoint"
    assert found.identity.architecture == "sd1"
    assert found.identity.precision == "fp16"
    assert found.identity.prediction == "v_prediction"
    assert found.identity.has_vae
    assert found.reasons[0] == "it is a folder of diffusers (StableDiffusionPipeline)"


def test_a_pipeline_names_the_architecture_where_no_tensor_can_be_read(tmp_path):
    index = {"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))

    assert inspect_file(tmp_path).identity.architecture == "flux"


def test_a_part_alone_is_what_its_tensors_are(model):
    assert inspect_file(model / "vae").identity.model_type == "vae"
    assert inspect_file(model / "unet").identity.model_type == "diffusion-model"


def test_shards_are_read_as_one(tmp_path):
    names = list(UNET)
    shard(tmp_path, [{n: UNET[n] for n in names[:2]}, {n: UNET[n] for n in names[2:]}])
    (part,) = read_folder(tmp_path).parts

    assert part.index is not None
    assert set(part.index.shapes()) == set(UNET)
    assert len(part.files) == 2


def test_a_shard_that_is_a_link_is_read_as_the_cache_of_hugging_face_keeps_it(tmp_path):
    shard(tmp_path / "snapshot", [UNET])
    (blob,) = (tmp_path / "snapshot").glob("*.safetensors")
    stored = blob.rename(tmp_path / "blob")
    blob.symlink_to(stored)

    assert read_folder(tmp_path / "snapshot").size_bytes == stored.stat().st_size


def test_an_index_and_its_shards_must_agree(tmp_path):
    shard(tmp_path, [UNET], weight_map={"other": "model-00001-of-00001.safetensors"})
    with pytest.raises(MalformedHeader, match="which it does not say"):
        read_folder(tmp_path)

    promised = dict.fromkeys([*UNET, "missing"], "model-00001-of-00001.safetensors")
    shard(tmp_path, [UNET], weight_map=promised)
    with pytest.raises(MalformedHeader, match="no file holds 'missing'"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("index", "because"),
    [
        ("[]", "no JSON object"),
        ("{", "not JSON"),
        ('{"weight_map": []}', "no weight_map"),
        ('{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', "a name comes twice"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
    ids=["a list", "cut", "no map", "a name twice", "depth", "digits", "BOM"],
)
def test_an_index_that_is_none_is_refused(tmp_path, index, because):
    (tmp_path / "model.safetensors.index.json").write_text(index)

    with pytest.raises(MalformedHeader, match=because):
        read_folder(tmp_path)


def test_an_index_that_would_fill_the_memory_is_refused(tmp_path):
    with (tmp_path / "model_index.json").open("wb") as file:
        file.write(b"{")
        file.truncate(10**9)

    with pytest.raises(MalformedHeader, match="longer than"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["../vae", "/etc", "a/b", ".", ".."])
def test_a_part_outside_the_folder_is_refused(tmp_path, name):
    (tmp_path / "model_index.json").write_text(json.dumps({name: ["diffusers", "UNet"]}))

    with pytest.raises(MalformedHeader, match="no plain name"):
        read_folder(tmp_path)


def test_a_folder_of_something_else_is_named_as_such(tmp_path):
    with pytest.raises(NotAModelFile, match=r"a folder without model_index\.json"):
        read_folder(tmp_path)
