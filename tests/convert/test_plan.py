"""What a converted file will hold, decided without reading a weight."""

from pathlib import Path

import pytest

from registry.convert.ballast import Dropped, Replaced, prune
from registry.convert.naming import Named, Renamed, named
from registry.convert.plan import Duplicate, Wish, plan
from registry.convert.weight_file import check_views
from registry.domain.tensors import StoredTree
from registry.domain.variant import Precision
from registry.errors import CannotConvert
from tests.convert.weights import tensor, weight_file

FILE = Path("model.ckpt")
TEXT = "cond_stage_model.transformer."
OUT = "model.diffusion_model.out.2.weight"
OUT_AVERAGED = "model_ema.diffusion_modelout2weight"


def names(*paths):
    found, rules = named([tensor(*path) for path in paths], file="model.ckpt")
    return [each.name for each in found], list(rules)


def planned(*tensors, wish=None, vae=None, **facts):
    return plan(weight_file(FILE, *tensors, **facts), wish or Wish(), vae=vae)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("paths", "expected", "rules"),
    [
        ([("a.weight",)], ["a.weight"], []),
        ([("state_dict", "a.weight")], ["a.weight"], [Renamed("state_dict.", "", 1)]),
        (
            [("state_dict", "state_dict", "a")],
            ["a"],
            [Renamed("state_dict.", "", 2)],
        ),
        (
            [("state_dict", "a"), ("optimizer_states", 0, "state", 0, "exp_avg")],
            ["a", "optimizer_states.0.state.0.exp_avg"],
            [Renamed("state_dict.", "", 1)],
        ),
        (
            [("params_ema", "a"), ("params", "a")],
            ["a", "params.a"],
            [Renamed("params_ema.", "", 1)],
        ),
        ([("module.a",), ("module.b",)], ["a", "b"], [Renamed("module.", "", 2)]),
        ([("module.a",), ("b",)], ["module.a", "b"], []),
        (
            [(f"{TEXT}encoder.layers.0.a",), (f"{TEXT}text_model.final_layer_norm.bias",)],
            [f"{TEXT}text_model.encoder.layers.0.a", f"{TEXT}text_model.final_layer_norm.bias"],
            [Renamed(f"{TEXT}encoder.", f"{TEXT}text_model.encoder.", 1)],
        ),
        ([(320, 0, "linear.0.weight")], ["320.0.linear.0.weight"], []),
        (
            [("string_to_param", "*")],
            ["emb_params"],
            [Renamed("string_to_param.*", "emb_params", 1)],
        ),
        (
            [("string_to_param", "_parameters", "*")],
            ["emb_params"],
            [Renamed("string_to_param._parameters.*", "emb_params", 1)],
        ),
        ([("clip_l",), ("clip_g",)], ["clip_l", "clip_g"], []),
    ],
)
def test_names_are_those_that_uis_read_and_every_rule_is_told(paths, expected, rules):
    assert names(*paths) == (expected, rules)


@pytest.mark.parametrize(
    ("paths", "because"),
    [
        ([(1, "a"), ("1", "a")], "two of its tensors would be called '1.a'"),
        ([("state_dict", "a"), ("a",)], "two of its tensors would be called 'a'"),
        ([("__metadata__",)], "the name that is kept for the metadata"),
        ([("a\ud800",)], "half a character"),
    ],
)
def test_names_that_no_file_can_hold_are_refused(paths, because):
    with pytest.raises(CannotConvert, match=because):
        names(*paths)


# ── pruning ───────────────────────────────────────────────────────────────────────────────────────


def with_averages():
    return [
        Named(OUT, tensor(OUT, at=0)),
        Named(OUT_AVERAGED, tensor(OUT_AVERAGED, at=2048)),
        Named("model_ema.decay", tensor("model_ema.decay", shape=())),
        Named("optimizer_states.0.step", tensor("optimizer_states.0.step", shape=())),
        Named("first_stage_model.a", tensor("first_stage_model.a")),
    ]


def test_pruning_leaves_out_averages_and_the_optimiser():
    pruned = prune(with_averages(), take_averages=False, file="m")

    assert [each.name for each in pruned.kept] == [OUT, "first_stage_model.a"]
    assert pruned.dropped == (
        Dropped(OUT_AVERAGED, "averaged copy (EMA) of trained weights"),
        Dropped("model_ema.decay", "a number of the averaging"),
        Dropped("optimizer_states.0.step", "state of the training"),
    )


def test_averages_can_take_the_place_of_the_trained_weights():
    pruned = prune(with_averages(), take_averages=True, file="m")

    assert [(each.name, each.tensor.storage[0]) for each in pruned.kept] == [
        (OUT, 2048),
        ("first_stage_model.a", 0),
    ]
    assert pruned.replaced == (Replaced(OUT, f"its averaged copy {OUT_AVERAGED}"),)


def test_averages_that_are_not_there_cannot_be_taken():
    with pytest.raises(CannotConvert, match="it holds no averaged weights"):
        prune([Named(OUT, tensor(OUT))], take_averages=True, file="m")


def test_averages_without_a_trained_twin_are_the_only_weights_and_stay():
    alone = [Named(OUT_AVERAGED, tensor(OUT_AVERAGED))]

    assert prune(alone, take_averages=False, file="m").kept == tuple(alone)


def test_nothing_is_pruned_unless_somebody_says_so():
    tensors = [each.tensor for each in with_averages()]

    assert planned(*tensors).dropped == ()
    assert len(planned(*tensors).tensors) == len(tensors)


# ── the VAE ───────────────────────────────────────────────────────────────────────────────────────


def a_vae(*tensors):
    return weight_file(Path("vae.pt"), *tensors)


@pytest.mark.parametrize("begin", ["", "first_stage_model."])
def test_a_vae_takes_the_place_of_the_own_one(begin):
    own = [tensor("first_stage_model.decoder.a"), tensor("first_stage_model.decoder.b")]
    vae = a_vae(tensor(f"{begin}decoder.a", at=4096), tensor("loss.x"), tensor("model_ema.decay"))

    made = planned(tensor(OUT), *own, vae=vae)

    files = {each.name: each.file for each in made.tensors}
    assert files == {
        OUT: 0,
        "first_stage_model.decoder.a": 1,
        "first_stage_model.decoder.b": 0,
    }
    assert made.replaced == (Replaced("first_stage_model.decoder.a", "vae.pt"),)
    assert made.notes == ("the new VAE lacks 1 tensors of the own one, which stay",)


def test_a_checkpoint_without_a_vae_gets_the_whole():
    made = planned(tensor(OUT), vae=a_vae(tensor("decoder.a"), tensor("something.else")))

    assert sorted(each.name for each in made.tensors) == ["first_stage_model.decoder.a", OUT]


def test_a_vae_of_another_form_or_shape_is_refused():
    own = tensor("first_stage_model.decoder.a")

    with pytest.raises(CannotConvert, match="no tensor of a VAE in the form"):
        planned(own, vae=a_vae(tensor("decoder.up_blocks.0.a")))
    with pytest.raises(CannotConvert, match="has the shape"):
        planned(own, vae=a_vae(tensor("decoder.a", shape=(9,))))


# ── formats and places ────────────────────────────────────────────────────────────────────────────


def test_a_wished_precision_is_for_floating_tensors_only():
    made = planned(
        tensor("a", dtype="F32"),
        tensor("b", dtype="BF16"),
        tensor("position_ids", dtype="I64"),
        tensor("c", dtype="F8_E4M3"),
        wish=Wish(Precision.FP16),
    )

    assert {each.name: each.dtype for each in made.tensors} == {
        "a": "F16",
        "b": "F16",
        "position_ids": "I64",
        "c": "F8_E4M3",
    }
    assert made.notes == ("tensors of the format F8_E4M3 stay as they are",)


def test_wide_elements_come_first_so_that_all_are_aligned():
    made = planned(tensor("a", dtype="U8"), tensor("b", dtype="F16"), tensor("c", dtype="I64"))

    assert [each.name for each in made.tensors] == ["c", "b", "a"]


def test_a_tied_weight_is_written_twice_and_told():
    tied = {"shape": (2, 3), "at": 512}

    made = planned(tensor("a", **tied), tensor("b", **tied), tensor("c", **tied, offset=1))

    assert len(made.tensors) == 3
    assert made.duplicated == (Duplicate("b", "a"),)


def test_a_hypernetwork_says_that_no_ui_reads_it():
    made = planned(tensor(768, 0, "linear.0.weight"), values={("layer_structure", 0): 1})

    assert "no UI that we know of" in made.notes[0]


def test_a_file_without_tensors_cannot_be_converted():
    with pytest.raises(CannotConvert, match="it holds no tensor"):
        planned()


# ── metadata ──────────────────────────────────────────────────────────────────────────────────────


def test_what_stands_beside_the_weights_becomes_metadata():
    made = planned(
        tensor("a"),
        values={
            ("global_step",): 110000,
            ("name",): "ink",
            ("layer_structure", 0): 1,
            ("layer_structure", 1): 2.5,
            ("string_to_token", "*"): 265,
            ("sd_checkpoint",): None,
            ("callbacks", "x"): "y",
            ("blob",): b"bytes",
            ("long",): "x" * 5000,
        },
    )

    assert made.texts == {
        "global_step": "110000",
        "name": "ink",
        "layer_structure": "[1, 2.5]",
        "string_to_token": '{"*": 265}',
    }
    assert set(made.left_texts) == {"sd_checkpoint", "callbacks", "blob", "long"}


def test_metadata_is_kept_but_for_hashes_of_the_old_bytes():
    made = planned(
        tensor("a"),
        metadata={"ss_output_name": "ink", "sshs_model_hash": "ab", "modelspec.title": "Ink"},
    )

    assert made.texts == {"ss_output_name": "ink", "modelspec.title": "Ink"}
    assert made.left_texts == ("sshs_model_hash",)


# ── views that lie ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"storage": (0, 4000)}, "lies outside of the file"),
        ({"storage": (-8, 100)}, "lies outside of the file"),
        ({"storage": (100, 8)}, "lies outside of the file"),
        ({"offset": 255, "storage": (0, 1024)}, "reaches out of its storage"),
        ({"offset": -1}, "makes no sense"),
        ({"strides": (-3, 1)}, "makes no sense"),
        ({"strides": (1,)}, "another number of strides"),
        ({"shape": (2**70, 0), "strides": (0, 0)}, "makes no sense"),
        ({"shape": (10**6, 1000), "strides": (0, 0)}, "would become"),
    ],
)
def test_views_that_reach_out_or_are_a_bomb_are_refused(changes, because):
    tree = StoredTree((tensor("x", **changes),))

    with pytest.raises(CannotConvert, match=because):
        check_views(tree, file_bytes=2000, name="m")
