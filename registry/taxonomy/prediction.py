"""What a network was trained to predict: the noise (eps), the velocity (v), or a flow.

Most headers do not tell. SD 2 has one tensor whose values do: its spread is wider where the
velocity is predicted (ComfyUI's supported_models.py measures it, and its limit stands here too).
"""

from collections.abc import Sequence

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.taxonomy.evidence import Evidence, Say
from registry.taxonomy.lookup import architectures

EPS, VELOCITY, EDM = "eps", "v_prediction", "edm"
_BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_MOST_VALUES = 4096
_WIDE_SPREAD = 0.09
_NORMAL_CHANNELS = 4
# Empty tensors that stand there as marks.
_MARKS = {
    "v_pred": VELOCITY,
    "edm_vpred.sigma_max": VELOCITY,
    "edm_mean": EDM,
}
# (key of the metadata, how its words begin, what that means): the first that fits decides.
_CLAIMS = (
    ("modelspec.prediction_type", ("v", "v_prediction", "v-prediction", "velocity"), VELOCITY),
    ("modelspec.prediction_type", ("epsilon", "eps"), EPS),
    ("ss_v_parameterization", ("true", "1"), VELOCITY),
    ("ss_base_model_version", ("sd_v2_v", "sd_2_v"), VELOCITY),
    ("modelspec.architecture", ("stable-diffusion-v2-768-v",), VELOCITY),
    ("modelspec.architecture", ("stable-diffusion-v2-512",), EPS),
)
# The counter in Stability's own SD 2 (InvokeAI goes by it).
_STEPS = {"220000": EPS, "110000": VELOCITY}


def telling_bias(index: TensorIndex) -> TensorInfo | None:
    """The small tensor whose values tell the prediction of an SD 2, if the file has it."""
    bias = next((tensor for tensor in index.tensors if tensor.name == _BIAS), None)
    small = bias is not None and len(bias.shape) == 1 and 0 < bias.shape[0] <= _MOST_VALUES
    return bias if small else None


def prediction_of(
    evidence: Evidence, architecture: str, bias: Sequence[float], say: Say
) -> str | None:
    """``eps``, ``v_prediction``, ``edm`` or ``rectified flow``; None where nothing tells."""
    known = architectures().get(architecture)
    if known and known.prediction:
        return known.prediction
    for mark, prediction in _MARKS.items():
        if mark in evidence.shapes:
            say(f"{prediction}: the empty tensor {mark} says so")
            return prediction
    for key, words, prediction in _CLAIMS:
        told = evidence.metadata.get(key, "").partition("/")[0].strip().casefold()
        if told in words:
            say(f"{prediction}: {key} of its metadata says so")
            return prediction
    return _of_sd2(evidence, bias, say) if architecture == "sd2" else None


def plain_prediction(told: str | None) -> str | None:
    """Our word for a prediction: hubs and schedulers say epsilon, v and v-prediction too."""
    word = (told or "").casefold().replace("-", "_")
    return {"epsilon": EPS, "v": VELOCITY, "vpred": VELOCITY}.get(word, word) or None


def _of_sd2(evidence: Evidence, bias: Sequence[float], say: Say) -> str | None:
    channels = evidence.input_channels
    if channels is None or channels.value != _NORMAL_CHANNELS:
        return None
    steps = evidence.metadata.get("global_step", "")
    if steps in _STEPS:
        say(f"{_STEPS[steps]}: it was trained for {steps} steps, as Stability's own")
        return _STEPS[steps]
    if not bias:
        return None
    from statistics import pstdev  # noqa: PLC0415 -- for SD 2 only

    spread = pstdev(bias)
    prediction = VELOCITY if spread > _WIDE_SPREAD else EPS
    side = "over" if prediction == VELOCITY else "not over"
    say(f"{prediction}: {_BIAS} spreads by {spread:.3f}, {side} {_WIDE_SPREAD}")
    return prediction
