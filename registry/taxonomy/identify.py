"""What is in a file, told by the names and shapes of its tensors: `unknown` rather than a guess.

Every descriptor is asked, in an order that is part of the knowledge. The metadata of a file says
what its maker believed; it decides only where the tensors leave the question open.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from registry.domain.tensors import TensorIndex
from registry.domain.variant import Precision, Pruning
from registry.taxonomy.evidence import Evidence
from registry.taxonomy.lookup import UNKNOWN, architecture_from_label, architectures, model_types

_INPAINTING, _DEPTH, _EDITING = 9, 5, 8
_FLUX_FILL = 384

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
}

# The first that fits names the kind: DoRA adds to a LoRA, LoCon is a LoRA that adds convolutions.
_ADAPTER_KINDS = (
    ("dora_scale", "dora"),
    ("lora_magnitude_vector", "dora"),
    ("hada_w1_a", "loha"),
    ("lokr_w1", "lokr"),
    ("lokr_w1_a", "lokr"),
    ("oft_blocks", "oft"),
    ("oft_diag", "oft"),
    ("on_input", "ia3"),
    ("a1", "glora"),
    ("lora_down", "lora"),
    ("lora_A", "lora"),
    ("lora.down", "lora"),
    ("down", "lora"),
    ("diff", "full"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file turned out to be.

    Attributes:
        model_type: Slug of the type, or `unknown`.
        architecture: Slug of the architecture, or `unknown`. Lineages that share a network, such
            as Pony and Illustrious, cannot be told from tensors: they are `sdxl` here.
        precision: Number format that holds most of the weights.
        pruning: Which copies of the weights a checkpoint holds; None for other types.
        inpainting: Whether it reads a mask beside the picture.
        prediction: ``eps``, ``v_prediction`` or ``rectified flow``; None where the header cannot
            decide.
        adapter: Kind of a LoRA or LyCORIS: ``lora``, ``locon``, ``loha``, ``lokr``, ``dora``, …
        reasons: What each conclusion rests on, in sentences.
    """

    model_type: str
    architecture: str
    precision: Precision | None = None
    pruning: Pruning | None = None
    inpainting: bool = False
    prediction: str | None = None
    adapter: str | None = None
    reasons: tuple[str, ...] = ()


def identify(index: TensorIndex) -> Identity:
    """Say what the tensors are, and why.

    Never raises: names and shapes are data, whatever they claim.
    """
    evidence = Evidence(index)
    reasons: list[str] = []
    say = reasons.append
    model_type = _model_type(evidence, say)
    architecture = _architecture(evidence, model_type, say)
    return Identity(
        model_type=model_type,
        architecture=architecture,
        precision=_precision(evidence, say),
        pruning=_pruning(evidence, model_type, say),
        inpainting=_inpainting(evidence, architecture, say),
        prediction=_prediction(evidence, architecture, say),
        adapter=_adapter(evidence, model_type, say),
        reasons=tuple(reasons),
    )


_Say = Callable[[str], None]


def _model_type(evidence: Evidence, say: _Say) -> str:
    for kind in sorted(model_types().values(), key=lambda kind: (kind.asked, kind.name)):
        if sign := kind.matches(evidence):
            say(f"{kind.title}: {sign}")
            return kind.name
    say("no type that we know has tensors of these names")
    return UNKNOWN


def _architecture(evidence: Evidence, model_type: str, say: _Say) -> str:
    signs = {
        architecture.name: (architecture.title, sign)
        for architecture in architectures().values()
        if (sign := architecture.signature(evidence))
    }
    if len(signs) == 1:
        ((name, (title, sign)),) = signs.items()
        say(f"{title}: {sign}")
        return name
    if len(signs) > 1:
        say("its tensors speak for several: " + ", ".join(title for title, _ in signs.values()))
        return UNKNOWN
    if claimed := _claimed_architecture(evidence):
        slug, key = claimed
        say(f"{slug}: the tensors do not tell, {key} of its metadata says so")
        return slug
    if model_type == "vae" and (latent := evidence.latent_channels):
        say(f"its latent image has {latent.value} channels ({latent.tensor}), as several have")
        return UNKNOWN
    say("no architecture that we know has tensors of these shapes")
    return UNKNOWN


def _claimed_architecture(evidence: Evidence) -> tuple[str, str] | None:
    """What the file's maker wrote, the trainer's word before the standard's.

    SD.Next reads them in this order too: trainers have written wrong modelspec fields.
    """
    for key, hub in (("ss_base_model_version", "kohya"), ("modelspec.architecture", "modelspec")):
        # `stable-diffusion-xl-v1-base/lora`: behind the slash is the type.
        claim = evidence.metadata.get(key, "").partition("/")[0]
        slug = architecture_from_label(hub, claim)
        if slug != UNKNOWN:
            return slug, key
    return None


def _precision(evidence: Evidence, say: _Say) -> Precision | None:
    if name := evidence.any_with(".quant_state.bitsandbytes__nf4"):
        say(f"nf4: it is quantised ({name})")
        return Precision.NF4
    held: Counter[str] = Counter()
    for tensor in evidence.index.tensors:
        held[tensor.dtype] += tensor.end - tensor.begin
    # The network that paints decides where there is one: VAEs are often kept in fp32.
    painted: Counter[str] = Counter()
    for tensor in evidence.index.tensors:
        if tensor.name.startswith("model.diffusion_model."):
            painted[tensor.dtype] += tensor.end - tensor.begin
    counted = painted or held
    if not counted:
        return None
    dtype, size_bytes = counted.most_common(1)[0]
    precision = _PRECISIONS.get(dtype)
    share = size_bytes / (sum(counted.values()) or 1)
    if precision:
        say(f"{precision}: {share:.0%} of the weights are {dtype}")
    return precision


def _pruning(evidence: Evidence, model_type: str, say: _Say) -> Pruning | None:
    if model_type != "checkpoint":
        return None
    if average := evidence.any_starting("model_ema."):
        say(f"full: it holds the averaged weights beside the trained ones ({average})")
        return Pruning.FULL
    if state := evidence.any_starting("optimizer_states"):
        say(f"full: it holds the state of its training ({state})")
        return Pruning.FULL
    say("pruned: it holds one copy of the weights")
    return Pruning.PRUNED


def _inpainting(evidence: Evidence, architecture: str, say: _Say) -> bool:
    if architecture == "flux" and evidence.bare.get("img_in.weight", (0,))[-1:] == (_FLUX_FILL,):
        say(f"inpainting: img_in.weight reads {_FLUX_FILL} values")
        return True
    channels = evidence.input_channels
    if channels is None:
        return False
    match channels.value:
        case 9:
            say(f"inpainting: {channels.tensor} reads {_INPAINTING} channels")
            return True
        case 8:
            say(f"it edits pictures: {channels.tensor} reads {_EDITING} channels")
        case 5:
            say(f"it reads a depth map: {channels.tensor} reads {_DEPTH} channels")
    return False


def _prediction(evidence: Evidence, architecture: str, say: _Say) -> str | None:
    known = architectures().get(architecture)
    if known and known.prediction:
        return known.prediction
    if name := next((n for n in evidence.shapes if n in {"v_pred", "edm_vpred.sigma_max"}), None):
        say(f"v_prediction: the empty tensor {name} says so")
        return "v_prediction"
    match evidence.metadata.get("modelspec.prediction_type", "").casefold():
        case "v" | "v_prediction" | "v-prediction":
            say("v_prediction: modelspec.prediction_type of its metadata says so")
            return "v_prediction"
        case "epsilon" | "eps":
            say("eps: modelspec.prediction_type of its metadata says so")
            return "eps"
    return None


def _adapter(evidence: Evidence, model_type: str, say: _Say) -> str | None:
    if model_type not in {"lora", "lycoris"}:
        return None
    for part, kind in _ADAPTER_KINDS:
        if name := evidence.adapters.get(part):
            locon = kind == "lora" and model_type == "lycoris"
            say(f"{'locon' if locon else kind}: {name}")
            return "locon" if locon else kind
    return None
