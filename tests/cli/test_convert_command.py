"""`sdreg convert`."""

import numpy as np

from registry.demo.torch_zip import write_checkpoint


def a_checkpoint(tmp_path):
    path = tmp_path / "small.ckpt"
    weights = {
        "model.diffusion_model.out.2.weight": np.full((2, 2), 7e4, np.float32),
        "model_ema.diffusion_modelout2weight": np.ones((2, 2), np.float32),
    }
    write_checkpoint(path, weights)
    return path


def test_it_tells_what_it_made_and_what_is_no_longer_there(sdreg, tmp_path):
    source = a_checkpoint(tmp_path)

    ran = sdreg("convert", source, "--precision", "fp16", "--prune")

    assert f"{tmp_path / 'small.safetensors'}: 1 tensor, " in ran.out
    assert "state_dict.… is now … (2 tensors)" in ran.out
    assert "1 tensor: averaged copy (EMA) of trained weights" in ran.out
    assert "model.diffusion_model.out.2.weight: 4 numbers are infinite now" in ran.out


def test_a_program_gets_a_document(sdreg, tmp_path):
    source, output = a_checkpoint(tmp_path), tmp_path / "out.safetensors"

    told = sdreg.json("convert", source, "--output", output, "--ema", schema="sdreg.convert/1")

    assert told["source"] == str(source)
    assert told["output"] == str(output)
    assert told["tensors"] == 1
    assert [each["name"] for each in told["replaced"]] == ["model.diffusion_model.out.2.weight"]
    assert told["size_bytes"] == output.stat().st_size


def test_what_cannot_be_converted_exits_with_nine(sdreg, tmp_path):
    source, output = a_checkpoint(tmp_path), tmp_path / "out.safetensors"
    sdreg("convert", source, "-o", output, "--prune")

    sentence, hint = sdreg.error(
        "convert", output, "-o", tmp_path / "again.safetensors", "--ema", expect=9
    )

    assert sentence.endswith("cannot be converted: it holds no averaged weights (EMA)")
    assert hint == "Convert it without `--ema`."


def test_a_precision_that_we_do_not_write_is_wrong_usage(sdreg, tmp_path):
    _, hint = sdreg.error("convert", a_checkpoint(tmp_path), "--precision", "fp8", expect=2)

    assert hint == "It may be fp16, bf16, fp32."
