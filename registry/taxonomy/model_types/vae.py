"""VAEs: they turn what the network painted into a picture."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType


def _matches(evidence: Evidence) -> str | None:
    if small := evidence.any_starting("taesd_decoder.", "taesd_encoder."):
        return f"it holds a small stand-in for a VAE ({small})"
    latent = evidence.latent_channels
    if latent and not evidence.any_with("diffusion_model.", "model_ema."):
        return f"it holds a decoder ({latent.tensor}) and no network that paints"
    return None


TYPE = ModelType(
    name="vae",
    title="VAE",
    labels={
        "civitai": frozenset({"VAE"}),
        "huggingface": frozenset({"vae", "AutoencoderKL"}),
        "air": frozenset({"vae"}),
    },
    aliases=frozenset({"autoencoder"}),
    matches=_matches,
    asked=60,
)
