"""In which numbers the weights are kept, and which copies of them."""

from collections import Counter

from registry.domain.variant import Precision, Pruning
from registry.taxonomy.evidence import Evidence, Say

_PRECISIONS = {
    "F64": None,  # nobody publishes it; no word of ours fits
    "F32": Precision.FP32,
    "F16": Precision.FP16,
    "BF16": Precision.BF16,
    "F8_E4M3": Precision.FP8,
    "F8_E5M2": Precision.FP8,
    "F8_E4M3FNUZ": Precision.FP8,
    "F8_E5M2FNUZ": Precision.FP8,
    "I8": Precision.INT8,
    "Q8_0": Precision.INT8,
    "Q4_0": Precision.INT4,
    "Q4_1": Precision.INT4,
    "Q4_K": Precision.INT4,
    "IQ4_NL": Precision.INT4,
    "IQ4_XS": Precision.INT4,
}
_PAINTS = "model.diffusion_model."
_VAES = ("first_stage_model.", "vae.")
_TRAINING = ("optimizer_states", "optimizer.", "lr_schedulers")


def precision_of(evidence: Evidence, say: Say) -> Precision | None:
    """The number format that holds most of the weights; None if no word of ours fits."""
    if name := evidence.any_with(".quant_state.bitsandbytes__nf4"):
        say(f"nf4: it is quantised ({name})")
        return Precision.NF4
    held: Counter[str] = Counter()
    # The network that paints decides where there is one: VAEs are often kept in fp32.
    painted: Counter[str] = Counter()
    for tensor in evidence.index.tensors:
        size_bytes = tensor.end - tensor.begin
        held[tensor.dtype] += size_bytes
        if tensor.name.startswith(_PAINTS):
            painted[tensor.dtype] += size_bytes
    counted = painted or held
    if not counted:
        return None
    dtype, size_bytes = counted.most_common(1)[0]
    precision = _PRECISIONS.get(dtype)
    share = size_bytes / (sum(counted.values()) or 1)
    if precision:
        say(f"{precision}: {share:.0%} of the weights are {dtype}")
    else:
        say(f"its precision has no name here: {share:.0%} of the weights are {dtype}")
    return precision


def pruning_of(evidence: Evidence, model_type: str, say: Say) -> Pruning | None:
    """Which copies of its weights a checkpoint holds; None for other types.

    A checkpoint that keeps only averaged weights, under the names of the trained ones, cannot be
    told from any other with one copy: it is pruned.
    """
    if model_type != "checkpoint":
        return None
    average = evidence.any_starting("model_ema.diffusion_model")
    trained = evidence.any_starting(_PAINTS)
    if average and not trained:
        say(f"ema-only: it holds the averaged weights alone ({average})")
        return Pruning.EMA_ONLY
    if average or (average := evidence.any_starting("model_ema.")):
        say(f"full: it holds the averaged weights beside the trained ones ({average})")
        return Pruning.FULL
    if state := evidence.any_starting(*_TRAINING):
        say(f"full: it holds the state of its training ({state})")
        return Pruning.FULL
    say("pruned: it holds one copy of the weights")
    return Pruning.PRUNED


def has_vae(evidence: Evidence, model_type: str, say: Say) -> bool | None:
    """Whether a checkpoint brings its VAE along; None for other types."""
    if model_type != "checkpoint":
        return None
    if name := evidence.any_starting(*_VAES):
        say(f"it brings its VAE along ({name})")
        return True
    say("it holds no VAE")
    return False
