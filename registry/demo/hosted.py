"""Where the embedded hub publishes the small models: under numbers and repositories of its own."""

from collections.abc import Iterable

from registry.demo.hub import HostedFile
from registry.demo.small_models import DemoModel
from registry.domain.variant import FileFormat

_FIRST_MODEL = 900_001  # far from the numbers of the models that the catalog knows
_CIVITAI_TYPES = {
    "checkpoint": "Checkpoint",
    "lora": "LORA",
    "embedding": "TextualInversion",
    "vae": "VAE",
}
_CIVITAI_BASES = {"sd1": "SD 1.5", "sdxl": "SDXL 1.0"}


def published(models: Iterable[DemoModel]) -> list[HostedFile]:
    """Every file at both hubs: files of one model share its page and its repository."""
    pages: dict[str, int] = {}
    hosted = []
    for place, model in enumerate(models):
        page = pages.setdefault(model.slug, _FIRST_MODEL + len(pages))
        pickled = model.format is FileFormat.PICKLE
        hosted.append(
            HostedFile(
                content=model.path,
                name=model.file_name,
                civitai=(page, page + 1000, page * 10 + place),
                huggingface=(f"sdreg-demo/{model.slug}", model.file_name),
                model_name=model.name,
                type=_CIVITAI_TYPES[model.type],
                base_model=_CIVITAI_BASES[model.base],
                metadata={
                    "fp": model.precision,
                    "size": model.pruning,
                    "format": "PickleTensor" if pickled else "SafeTensor",
                },
                trained_words=model.trigger_words,
            )
        )
    return hosted
