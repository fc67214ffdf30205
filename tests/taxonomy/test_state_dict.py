"""The tree of a torch file, flattened."""

from registry.domain.tensors import StoredTensor, StoredTree
from registry.domain.variant import Precision, Pruning
from registry.taxonomy.identify import identify
from registry.taxonomy.state_dict import index_of

UNET = "model.diffusion_model."


def tensor(*path, shape=(2, 3), dtype="F32", offset=0, storage=(100, 1000)):
    strides = tuple(1 for _ in shape)
    return StoredTensor(path, dtype, shape, strides, offset, storage)


def test_what_a_trainer_wraps_around_the_weights_is_taken_off():
    tree = StoredTree(
        (tensor("state_dict", "a.weight"), tensor("b"), tensor("state_dict")), {("step",): 7}
    )

    index = index_of(tree)

    assert list(index.shapes()) == ["a.weight", "b", "state_dict"]
    assert index.metadata == {"step": "7"}


def test_a_view_has_its_own_place_in_the_storage():
    (info,) = index_of(StoredTree((tensor("a", dtype="F16", offset=10),))).tensors

    assert (info.begin, info.end) == (120, 132)


def test_values_that_are_no_texts_are_left_out():
    values = {("a",): None, ("b",): b"bytes", ("c", 1): True, ("d",): "x" * 100_000}

    metadata = index_of(StoredTree((), values)).metadata

    assert metadata["c.1"] == "True"
    assert len(metadata["d"]) == 65536
    assert set(metadata) == {"c.1", "d"}


def test_a_training_checkpoint_is_full_and_a_hypernetwork_is_known():
    training = StoredTree(
        (
            tensor("state_dict", f"{UNET}input_blocks.0.0.weight", shape=(320, 4, 3, 3)),
            tensor("state_dict", "first_stage_model.decoder.conv_in.weight", shape=(4, 4, 3, 3)),
            tensor("optimizer_states", 0, "state", 0, "exp_avg"),
        )
    )
    hypernetwork = StoredTree(
        tuple(
            tensor(width, place, "linear.0.weight", shape=(2 * width, width))
            for width in (320, 768)
            for place in (0, 1)
        ),
        {("step",): 9000, ("activation_func",): "linear"},
    )

    assert identify(index_of(training)).pruning is Pruning.FULL
    assert identify(index_of(training)).precision is Precision.FP32
    assert identify(index_of(hypernetwork)).model_type == "hypernetwork"
