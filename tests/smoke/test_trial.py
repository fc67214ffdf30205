"""Small models in the build of the real ones are loaded and paint; planted faults are named."""

import contextlib
import importlib.util

import numpy as np
import pytest

from registry.domain.smoke import SmokeTask
from registry.smoke import adapters, adapting, layout, upscaler
from registry.smoke.build import VAE
from tests.smoke import builds

if importlib.util.find_spec("diffusers") is None:
    pytest.skip("the extra `smoke` is not installed", allow_module_level=True)

import torch
from PIL import Image

from registry.smoke.devices import Device
from registry.smoke.painter import Painter
from registry.smoke.trial import try_model

# What diffusers and transformers deprecate in each other is not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")
UNET = "model.diffusion_model.middle_block.0.in_layers.2.weight"
CPU = Device("cpu", torch.float32)


def attempt(path, tmp_path, model_type="checkpoint", **changes):
    task = SmokeTask(
        target=path,
        name=path.name,
        model_type=model_type,
        architecture="sd1",
        picture=tmp_path / "picture.png",
        device="cpu",
        threads=1,
        **changes,
    )
    folder = tmp_path / "configs"
    folder.mkdir(exist_ok=True)
    return try_model(task, lambda _: contextlib.nullcontext(), folder)


def codes(result):
    return [reason.code for reason in result.reasons]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return builds.checkpoint(tmp_path_factory.mktemp("base") / "base.safetensors")


@pytest.mark.parametrize(
    "build",
    [
        builds.TINY1,
        builds.TINY_INPAINTING,
        builds.TINY2,
        builds.TINY_XL,
        builds.TINY_REFINER,
    ],
    ids=["sd1", "inpainting", "sd2", "sdxl", "refiner"],
)
def test_every_build_loads_offline_and_paints(tmp_path, build):
    path = builds.checkpoint(tmp_path / "a.safetensors", build)
    result = attempt(path, tmp_path)

    assert (result.verdict, codes(result)) == ("passed", [])
    assert result.figures["contrast"] > 1
    assert result.picture.read_bytes().startswith(b"\x89PNG")


def test_the_picture_tells_how_it_was_made(base, tmp_path):
    result = attempt(base, tmp_path, clip_skip=2)
    words = Image.open(result.picture).text["parameters"]

    assert words == (
        "a photo of a cat\n"
        "Steps: 2, Sampler: Euler, CFG scale: 5, Seed: 1, Size: 64x64, Model: base, "
        "Clip skip: 2"
    )


def test_the_same_seed_gives_the_same_picture_and_another_one_another(base, tmp_path):
    first, again, other = (attempt(base, tmp_path, seed=seed) for seed in (1, 1, 2))

    assert first.figures == again.figures
    assert first.picture_hash == again.picture_hash
    assert first.figures != other.figures


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (UNET, np.nan, "nan-latents"),
        ("first_stage_model.decoder.conv_out.weight", np.nan, "nan-pixels"),
        ("first_stage_model.decoder.conv_out.weight", 0.0, "constant-picture"),
    ],
)
def test_a_planted_fault_shows_in_what_is_painted(tmp_path, name, value, code):
    def change(made):
        made[name] = np.full_like(made[name], value)

    result = attempt(builds.checkpoint(tmp_path / "a.safetensors", change=change), tmp_path)

    assert (result.verdict, codes(result)) == ("failed", [code])


def test_v_prediction_is_honoured(base, tmp_path):
    noise = attempt(base, tmp_path)
    velocity = attempt(base, tmp_path, prediction="v_prediction")

    assert noise.figures["latent_std"] != pytest.approx(velocity.figures["latent_std"], rel=0.01)


# ── CLIP skip ─────────────────────────────────────────────────────────────────────────────────────


def test_clip_skip_2_is_another_picture_on_sd_1_and_the_same_on_sdxl(base, tmp_path):
    one, two = (attempt(base, tmp_path, clip_skip=skip) for skip in (1, 2))
    assert one.figures["latent_mean"] != pytest.approx(two.figures["latent_mean"], rel=1e-4)

    path = builds.checkpoint(tmp_path / "xl.safetensors", builds.TINY_XL)
    one, two = (attempt(path, tmp_path, clip_skip=skip) for skip in (1, 2))
    assert one.figures == two.figures


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_clip_skip_is_the_layer_that_a1111_means(base, tmp_path, skip):
    painter = Painter(base, builds.TINY1, CPU, tmp_path / "configs", None)
    painter.settle()
    with torch.no_grad():
        told = painter.encode(skip).tokens[0].numpy()

    expected = by_hand(builds.weights(layout.checkpoint(builds.TINY1)), skip)
    assert np.abs(told - expected).max() < 1e-5


def by_hand(made, skip):
    """CLIP's text encoder written down once more, with numpy (Radford et al. 2021, section 2.4)."""
    (text,) = builds.TINY1.text
    got = {
        name.removeprefix(f"{text.prefix}text_model."): array.astype(np.float64)
        for name, array in made.items()
        if name.startswith(text.prefix)
    }

    def norm(x, name):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(var + 1e-5) * got[f"{name}.weight"] + got[f"{name}.bias"]

    def linear(x, name):
        return x @ got[f"{name}.weight"].T + got[f"{name}.bias"]

    ids = [49406, 320, 1125, 539, 320, 2368, 49407] + [49407] * 70
    x = got["embeddings.token_embedding.weight"][ids]
    x = x + got["embeddings.position_embedding.weight"]
    hidden = [x]
    for layer in range(text.layers):
        at = f"encoder.layers.{layer}"
        inside = norm(x, f"{at}.layer_norm1")
        q, k, v = (linear(inside, f"{at}.self_attn.{part}_proj") for part in "qkv")
        scores = q @ k.T / np.sqrt(text.width)  # one head: 64 wide or narrower
        scores = np.where(np.tri(77, dtype=bool), scores, -np.inf)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        x = x + linear(scores / scores.sum(-1, keepdims=True) @ v, f"{at}.self_attn.out_proj")
        inside = linear(norm(x, f"{at}.layer_norm2"), f"{at}.mlp.fc1")
        x = x + linear(inside / (1 + np.exp(-1.702 * inside)), f"{at}.mlp.fc2")
        hidden.append(x)
    return norm(hidden[-skip], "final_layer_norm")


# ── adapters ──────────────────────────────────────────────────────────────────────────────────────


def test_a_lora_changes_the_picture(base, tmp_path):
    path = builds.write(tmp_path / "lora.safetensors", builds.lora())
    result = attempt(path, tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)) == ("passed", [])
    assert result.figures["modules_that_fit"] == result.figures["modules"] == 12
    assert result.figures["difference"] > 1e-3


def test_a_lora_with_the_names_of_the_original_files_fits_as_well(tmp_path):
    base = builds.checkpoint(tmp_path / "xl.safetensors", builds.TINY_XL)
    known = builds.lora(builds.TINY_XL)
    renamed = {
        name.replace("down_blocks_1_attentions_0", "input_blocks_4_1")
        .replace("down_blocks_1_attentions_1", "input_blocks_5_1")
        .replace("down_blocks_2_attentions_0", "input_blocks_7_1")
        .replace("down_blocks_2_attentions_1", "input_blocks_8_1"): array
        for name, array in known.items()
    }
    first = attempt(builds.write(tmp_path / "a.safetensors", known), tmp_path, "lora", base=base)
    second = attempt(builds.write(tmp_path / "b.safetensors", renamed), tmp_path, "lora", base=base)

    assert first.figures["modules_that_fit"] == 8
    assert second.figures == first.figures


def kinds():
    """One module, changed in the ways of LyCORIS."""
    random = np.random.default_rng(3)

    def some(*shape):
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    alpha = {f"{name}.alpha": np.array(2.0, np.float32)}
    loha = {
        f"{name}.hada_w{n}_{s}": some(*((64, 4), (4, 64))[s == "b"]) for n in "12" for s in "ab"
    }
    lokr = {f"{name}.lokr_w1": some(8, 8), f"{name}.lokr_w2_a": some(8, 4)}
    lokr |= {f"{name}.lokr_w2_b": some(4, 8)}
    ia3 = {f"{name}.weight": some(64), f"{name}.on_input": np.array(0.0, np.float32)}
    return {
        "loha": loha | alpha,
        "lokr": lokr | alpha,
        "ia3": ia3,
        "full": {f"{name}.diff": some(64, 64)},
    }


@pytest.mark.parametrize("kind", ["loha", "lokr", "ia3", "full"])
def test_the_relatives_of_lora_change_the_picture(base, tmp_path, kind):
    path = builds.write(tmp_path / "a.safetensors", kinds()[kind])
    result = attempt(path, tmp_path, "lycoris", base=base)

    assert (result.verdict, codes(result)) == ("passed", [])
    assert result.figures["modules_that_fit"] == 1


@pytest.mark.parametrize("part", ["oft_blocks", "a1.weight", "hada_t1"])
def test_a_kind_that_is_not_read_is_not_called_bad(base, tmp_path, part):
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    made = {f"{name}.{part}": np.ones((4, 4), np.float32)}
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)) == ("untestable", ["kind-not-testable"])


@pytest.mark.parametrize("kind", ["lora", "loha"])
@pytest.mark.parametrize("part", ["dora_scale", "lora_magnitude_vector"])
def test_a_lora_with_lengths_of_its_own_is_not_tried_without_them(base, tmp_path, kind, part):
    made = {"lora": builds.lora(), "loha": kinds()["loha"]}[kind]
    for name in {name.partition(".")[0] for name in made}:
        made[f"{name}.{part}"] = np.ones((1, 32), np.float32)
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)) == ("untestable", ["kind-not-testable"])


def partly(read):
    """A LoRA of which one module is of a kind that is not read, or has a name of nothing."""
    made = builds.lora()
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    if read:
        return made | {f"{name}s.diff": np.ones((64, 64), np.float32)}
    return made | {f"{name}.oft_blocks": np.ones((4, 4), np.float32)}


@pytest.mark.parametrize("read", [False, True])
def test_a_lora_that_is_tried_in_part_is_no_plain_pass(base, tmp_path, read):
    path = builds.write(tmp_path / "a.safetensors", partly(read))
    result = attempt(path, tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)) == ("passed", ["partly-tried"])
    assert "1 of its 13 " in result.reasons[0].message
    assert "mid_block_attentions_0" in result.reasons[0].message


@pytest.mark.parametrize(
    ("read", "verdict", "code"),
    [(False, "untestable", "kind-not-testable"), (True, "failed", "no-effect")],
)
def test_no_effect_is_no_fault_while_a_part_is_not_read(base, tmp_path, read, verdict, code):
    made = {
        name: each * 0 if name.endswith("lora_up.weight") else each
        for name, each in partly(read).items()
    }
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)[0]) == (verdict, code)


def test_a_lora_of_another_architecture_is_of_the_wrong_base(base, tmp_path):
    path = builds.write(tmp_path / "a.safetensors", builds.lora(builds.TINY_XL))

    assert codes(attempt(path, tmp_path, "lora", base=base)) == ["wrong-base"]


def test_a_lora_whose_names_meet_nothing_is_named(base, tmp_path):
    made = builds.lora(prefix="lora_unet_of_another_world_")
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "lora", base=base)

    assert codes(result) == ["no-keys-match"]
    assert "none of its 12 names is in the base" in result.reasons[0].message


def test_a_lora_that_names_modules_by_number_is_not_called_bad(base, tmp_path):
    made = {"unet:0:down": np.ones((4, 32), np.float32), "unet:0:up": np.ones((32, 4), np.float32)}
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "lora", base=base)

    assert (result.verdict, codes(result)) == ("untestable", ["kind-not-testable"])


def test_an_adapter_needs_a_base(tmp_path):
    path = builds.write(tmp_path / "a.safetensors", builds.lora())
    result = attempt(path, tmp_path, "lora")

    assert (result.verdict, codes(result)) == ("untestable", ["no-base"])


@pytest.mark.parametrize("width", [32, 48])
def test_an_embedding_changes_the_picture_or_has_the_wrong_width(base, tmp_path, width):
    vectors = np.random.default_rng(0).standard_normal((3, width)).astype(np.float32)
    path = builds.write(tmp_path / "a.safetensors", {"emb_params": vectors})
    result = attempt(path, tmp_path, "embedding", base=base)

    if width == 32:
        assert (result.verdict, codes(result)) == ("passed", [])
        assert result.figures["difference"] > 1e-3
    else:
        assert codes(result) == ["wrong-width"]
        assert "48 wide" in result.reasons[0].message


# ── others ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prefix", ["", VAE])
def test_a_vae_takes_a_picture_apart_and_puts_it_together(tmp_path, prefix):
    made = builds.weights(layout.vae((32, 32, 32, 32), prefix=prefix))
    result = attempt(builds.write(tmp_path / "a.safetensors", made), tmp_path, "vae")

    assert (result.verdict, codes(result)) == ("passed", [])
    assert "psnr" in result.figures


def test_a_type_that_cannot_be_tried_is_no_pass(tmp_path):
    path = builds.write(tmp_path / "a.safetensors", {"x.weight": np.ones((4, 4), np.float32)})

    whole, kind = (attempt(path, tmp_path, name) for name in ("motion_module", "upscaler"))
    assert (whole.verdict, codes(whole)) == ("untestable", ["type-not-testable"])
    assert (kind.verdict, codes(kind)) == ("untestable", ["kind-not-testable"])


def esrgan(wide=16, grow=8, blocks=2, reads=3, ups=2):
    shapes = {"conv_first": (wide, reads), "conv_body": (wide, wide), "conv_hr": (wide, wide)}
    shapes |= {f"conv_up{n + 1}": (wide, wide) for n in range(ups)} | {"conv_last": (3, wide)}
    for block in range(blocks):
        for part in "123":
            for n in range(5):
                gives = grow if n < 4 else wide
                shapes[f"body.{block}.rdb{part}.conv{n + 1}"] = (gives, wide + n * grow)
    flat = {f"{name}.weight": (*shape, 3, 3) for name, shape in shapes.items()}
    flat |= {f"{name}.bias": shape[:1] for name, shape in shapes.items()}
    return builds.weights(flat)


@pytest.mark.parametrize(("reads", "ups", "scale"), [(3, 2, 4), (12, 2, 2), (3, 1, 2)])
def test_an_upscaler_enlarges_a_made_up_picture(tmp_path, reads, ups, scale):
    path = builds.write(tmp_path / "a.safetensors", esrgan(reads=reads, ups=ups))
    result = attempt(path, tmp_path, "upscaler")

    assert (result.verdict, codes(result)) == ("passed", [])
    assert result.size == (64 * scale, 64 * scale)
    assert result.figures["scale"] == scale


def test_the_names_of_the_first_release_mean_the_same(tmp_path):
    today = esrgan()
    ends = {"conv_first": "model.0", "conv_body": "model.1.sub.2", "conv_up1": "model.3",
            "conv_up2": "model.6", "conv_hr": "model.8", "conv_last": "model.10"}  # fmt: skip
    first = {}
    for name, array in today.items():
        module, _, kind = name.rpartition(".")
        old = ends.get(module)
        if old is None:
            _, block, part, conv = module.split(".")
            old = f"model.1.sub.{block}.{part.upper()}.{conv}.0"
        first[f"{old}.{kind}"] = array
    seen = [
        attempt(builds.write(tmp_path / f"{n}.safetensors", made), tmp_path, "upscaler").figures
        for n, made in enumerate((today, first))
    ]

    assert seen[0] == seen[1]


def test_too_little_memory_is_said_before_anything_is_loaded(base, tmp_path):
    result = attempt(base, tmp_path, memory_limit_bytes=1_000_000)

    assert (result.verdict, codes(result)) == ("untestable", ["too-little-memory"])


def out_of_memory_on_a_gpu(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB.")


def out_of_memory_here(*_):
    torch.empty(1 << 52)


@pytest.mark.parametrize("runs_out", [out_of_memory_on_a_gpu, out_of_memory_here])
@pytest.mark.parametrize(
    "place",
    [
        ("controlnet", adapting, "load_controlnet"),
        ("lora", adapters, "_delta"),
        ("upscaler", upscaler.Enlarger, "__call__"),
    ],
    ids=lambda place: place[0],
)
def test_memory_that_runs_out_says_nothing_about_shapes(
    base, tmp_path, monkeypatch, runs_out, place
):
    model_type, room, name = place
    made = esrgan() if model_type == "upscaler" else builds.lora()
    path = builds.write(tmp_path / "a.safetensors", made)
    monkeypatch.setattr(room, name, runs_out)

    with pytest.raises(RuntimeError, match=r"out of memory|can't allocate memory"):
        attempt(path, tmp_path, model_type, base=base)


def test_a_device_that_is_not_there_is_said(base, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    task = SmokeTask(base, base.name, "checkpoint", "sd1", tmp_path / "p.png", device="cuda")
    result = try_model(task, lambda _: contextlib.nullcontext(), tmp_path)

    assert (result.verdict, codes(result)) == ("untestable", ["no-device"])


# ── what steers from outside ──────────────────────────────────────────────────────────────────────


def hypernetwork(width=32, scale=0.3):
    random = np.random.default_rng(5)
    made = {}
    for side in (0, 1):
        for number, shape in ((0, (2 * width, width)), (1, (width, 2 * width))):
            name = f"{width}.{side}.linear.{number}"
            made[f"{name}.weight"] = (random.standard_normal(shape) * scale).astype(np.float32)
            made[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    return made


@pytest.mark.parametrize(
    ("width", "scale", "expected"),
    [(32, 0.3, []), (48, 0.3, ["wrong-base"]), (32, 0.0, ["no-effect"])],
)
def test_a_hypernetwork_changes_the_picture_or_is_named(base, tmp_path, width, scale, expected):
    path = builds.write(tmp_path / "a.safetensors", hypernetwork(width, scale))
    result = attempt(path, tmp_path, "hypernetwork", base=base)

    assert codes(result) == expected


def test_a_controlnet_changes_the_picture(base, tmp_path):
    made = builds.controlnet(seed=9)
    result = attempt(
        builds.write(tmp_path / "a.safetensors", made), tmp_path, "controlnet", base=base
    )

    assert (result.verdict, codes(result)) == ("passed", [])
    assert result.figures["difference"] > 1e-3


def test_a_controlnet_of_another_architecture_is_of_the_wrong_base(base, tmp_path):
    made = builds.controlnet(builds.TINY_XL)
    path = builds.write(tmp_path / "a.safetensors", made)

    assert codes(attempt(path, tmp_path, "controlnet", base=base)) == ["wrong-base"]
