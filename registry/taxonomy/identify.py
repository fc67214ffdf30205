"""What is in a file, told by the names and shapes of its tensors: `unknown` rather than a guess.

Every descriptor is asked, in an order that is part of the knowledge. The metadata of a file says
what its maker believed; it decides only where the tensors leave the question open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from registry.domain.tensors import TensorIndex
from registry.domain.variant import Precision, Pruning
from registry.taxonomy.embedded import embedded_clip_skip, embedded_trigger_words
from registry.taxonomy.evidence import Evidence, Say
from registry.taxonomy.lookup import UNKNOWN, architecture_from_label, architectures, model_types
from registry.taxonomy.prediction import plain_prediction, prediction_of
from registry.taxonomy.weights import has_vae, precision_of, pruning_of

_CLAIMS = (
    ("ss_base_model_version", "kohya"),
    ("modelspec.architecture", "modelspec"),
    ("general.architecture", "gguf"),
)
_INPAINTING, _DEPTH, _EDITING = 9, 5, 8
_FLUX_FILL = 384

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
    ("lora_linear_layer.down", "lora"),
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
        has_vae: Whether a checkpoint brings its VAE along; None for other types.
        clip_skip: The CLIP skip that its metadata recommend, in A1111's numbering.
        trigger_words: The words that its metadata name.
        reasons: What each conclusion rests on, in sentences.
    """

    model_type: str
    architecture: str
    precision: Precision | None = None
    pruning: Pruning | None = None
    inpainting: bool = False
    prediction: str | None = None
    adapter: str | None = None
    has_vae: bool | None = None
    clip_skip: int | None = None
    trigger_words: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def identify(index: TensorIndex, *, bias: Sequence[float] = ()) -> Identity:
    """Say what the tensors are, and why.

    Never raises: names and shapes are data, whatever they claim.

    Args:
        index: The tensors' names and shapes, and the metadata.
        bias: The values of `telling_bias`, if somebody read them.
    """
    evidence = Evidence(index)
    reasons: list[str] = []
    say = reasons.append
    model_type = _model_type(evidence, say)
    architecture = _architecture(evidence, model_type, say)
    return Identity(
        model_type=model_type,
        architecture=architecture,
        precision=precision_of(evidence, say),
        pruning=pruning_of(evidence, model_type, say),
        inpainting=_inpainting(evidence, architecture, say),
        prediction=prediction_of(evidence, architecture, bias, say),
        adapter=_adapter(evidence, model_type, say),
        has_vae=has_vae(evidence, model_type, say),
        clip_skip=embedded_clip_skip(evidence.metadata, say),
        trigger_words=embedded_trigger_words(evidence.metadata, say),
        reasons=tuple(reasons),
    )


def identify_parts(
    pipeline: str, *, painting: TensorIndex | None, has_vae: bool, prediction: str | None
) -> Identity:
    """Say what a model is that lies there in parts, as diffusers keeps it.

    Args:
        pipeline: Name of the class that loads it.
        painting: The tensors of the network that paints, where they can be read.
        has_vae: Whether the VAE lies beside it.
        prediction: What its scheduler is set to predict.
    """
    found = identify(painting) if painting is not None else Identity(UNKNOWN, UNKNOWN)
    reasons = [f"Checkpoint: {pipeline} loads it from its parts"]
    # The first reason is about the type of the part alone.
    reasons += found.reasons[1:]
    architecture = found.architecture
    if architecture == UNKNOWN:
        architecture = architecture_from_label("huggingface", f"diffusers:{pipeline}")
        if architecture != UNKNOWN:
            reasons.append(f"{architecture}: {pipeline} is its pipeline")
    told = plain_prediction(prediction)
    if found.prediction is None and told is not None:
        reasons.append(f"{told}: its scheduler is set to it")
    return replace(
        found,
        model_type="checkpoint",
        architecture=architecture,
        pruning=Pruning.PRUNED if painting is not None else None,
        prediction=found.prediction or told,
        has_vae=has_vae,
        reasons=tuple(reasons),
    )


def _model_type(evidence: Evidence, say: Say) -> str:
    for kind in sorted(model_types().values(), key=lambda kind: (kind.asked, kind.name)):
        if sign := kind.matches(evidence):
            say(f"{kind.title}: {sign}")
            return kind.name
    say("no type that we know has tensors of these names")
    return UNKNOWN


def _architecture(evidence: Evidence, model_type: str, say: Say) -> str:
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
    if claimed := claimed_architecture(evidence.metadata):
        slug, key = claimed
        say(f"{slug}: the tensors do not tell, {key} of its metadata says so")
        return slug
    if model_type == "vae" and (latent := evidence.latent_channels):
        say(f"its latent image has {latent.value} channels ({latent.tensor}), as several have")
        return UNKNOWN
    say("no architecture that we know has tensors of these shapes")
    return UNKNOWN


def claimed_architecture(metadata: Mapping[str, str]) -> tuple[str, str] | None:
    """What the file's maker wrote and under which key, the trainer's word before the standard's.

    SD.Next reads them in this order too: trainers have written wrong modelspec fields.
    """
    for key, hub in _CLAIMS:
        # `stable-diffusion-xl-v1-base/lora`: behind the slash is the type.
        claim = metadata.get(key, "").partition("/")[0]
        slug = architecture_from_label(hub, claim)
        if slug != UNKNOWN:
            return slug, key
    return None


def _inpainting(evidence: Evidence, architecture: str, say: Say) -> bool:
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


def _adapter(evidence: Evidence, model_type: str, say: Say) -> str | None:
    if model_type not in {"lora", "lycoris"}:
        return None
    for part, kind in _ADAPTER_KINDS:
        if name := evidence.adapters.get(part):
            locon = kind == "lora" and model_type == "lycoris"
            say(f"{'locon' if locon else kind}: {name}")
            return "locon" if locon else kind
    return None
