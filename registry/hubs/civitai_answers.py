"""Civitai's answers in our words: decisions without I/O.

Shapes of 2023 to 2026 are read alike: hashes in upper case, `primary` absent, `metadata` null,
`allowCommercialUse` as a text, a list or ``{A,B}``. What a field does not say stays None.
"""

from dataclasses import replace

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Precision, Pruning, Variant
from registry.hubs import names
from registry.hubs.untrusted import Object, number_id, obj, objects, text, texts, truth
from registry.taxonomy.lookup import architecture_from_label, model_type_from_label

NAME = "civitai"
SITE_ONLY = "its creator lets it be used on the site only"
UNAVAILABLE_MODES = {"Archived": "it was archived", "TakenDown": "it was taken down"}

_ROLES = {
    "Model": FileRole.WEIGHTS,
    "Pruned Model": FileRole.WEIGHTS,
    "Diffusion Model": FileRole.DIFFUSION_MODEL,
    "UNet": FileRole.DIFFUSION_MODEL,
    "Text Encoder": FileRole.TEXT_ENCODER,
    "VAE": FileRole.VAE,
    "Negative": FileRole.NEGATIVE,
    "Config": FileRole.CONFIG,
    "Training Data": FileRole.TRAINING_DATA,
    "Archive": FileRole.ARCHIVE,
    "Workflow": FileRole.WORKFLOW,
}
# The model itself, where the whole page is about one of these.
_ITSELF = {"ControlNet": "controlnet", "Upscaler": "upscaler", "VAE": "vae"}
_FORMATS = {
    "SafeTensor": FileFormat.SAFETENSORS,
    "PickleTensor": FileFormat.PICKLE,
    "GGUF": FileFormat.GGUF,
    "ONNX": FileFormat.ONNX,
    "Diffusers": FileFormat.DIFFUSERS,
}
_PRECISIONS = {
    "fp32": Precision.FP32,
    "fp16": Precision.FP16,
    "bf16": Precision.BF16,
    "fp8": Precision.FP8,
    "fp8_mixed": Precision.FP8,
    "fp8_scaled": Precision.FP8,
    "mxfp8": Precision.FP8,
    "int8": Precision.INT8,
    "int4": Precision.INT4,
    "nf4": Precision.NF4,
}
_PRUNINGS = {"full": Pruning.FULL, "pruned": Pruning.PRUNED}
_HASHES = {
    "SHA256": HashKind.SHA256,
    "BLAKE3": HashKind.BLAKE3,
    "AutoV1": HashKind.AUTOV1,
    "AutoV2": HashKind.AUTOV2,
    "AutoV3": HashKind.AUTOV3,
    "CRC32": HashKind.CRC32,
}
_PERMISSIONS = ("allowNoCredit", "allowDerivatives", "allowDifferentLicense")
_BYTES_PER_KIB = 1024


def model_of(answer: Object, site: str) -> Model | None:
    """A model as ``/api/v1/models`` describes it; None if it has no id.

    Args:
        answer: One item of the list, or the whole answer about one model.
        site: Address of the web site, for its page.
    """
    model_id = number_id(answer.get("id"))
    if model_id is None:
        return None
    kind = model_type_from_label(NAME, text(answer.get("type")) or "")
    versions = tuple(
        version
        for found in objects(answer.get("modelVersions"))
        if (version := version_of(found, model_id, kind)) is not None
    )
    page = f"{site}/models/{model_id}"
    return Model(
        slug=f"civitai-{model_id}",
        name=text(answer.get("name")) or f"Civitai model {model_id}",
        type=kind,
        base=_base(versions),
        versions=versions,
        origin=NAME,
        author=text(obj(answer.get("creator")).get("username")),
        homepage=page,
        pages=(page,),
        hub_model_ids=(f"civitai:{model_id}",),
        permissions=_permissions(answer),
        trigger_words=_trigger_words(versions),
        nsfw=truth(answer.get("nsfw")),
        status=UNAVAILABLE_MODES.get(text(answer.get("mode")) or ""),
    )


def model_of_version(answer: Object, site: str) -> Model | None:
    """A model with one version, as ``/api/v1/model-versions/{id}`` describes it."""
    model_id = number_id(answer.get("modelId")) or number_id(obj(answer.get("model")).get("id"))
    if model_id is None:
        return None
    about: Object = {**obj(answer.get("model")), "id": int(model_id), "modelVersions": [answer]}
    return model_of(about, site)


def version_of(answer: Object, model_id: str, kind: str) -> ModelVersion | None:
    """One version; None if it has no id.

    Args:
        answer: One of the model's versions.
        model_id: The model's number, for the sources.
        kind: Slug of the model's type, which decides what some files are for.
    """
    version_id = number_id(answer.get("id"))
    if version_id is None:
        return None
    inpainting = text(answer.get("baseModelType")) == "Inpainting"
    gated = _gated(answer)
    files = (
        _file(found, model_id, version_id, kind, inpainting=inpainting, gated=gated)
        for found in objects(answer.get("files"))
    )
    return ModelVersion(
        name=text(answer.get("name")) or version_id,
        files=tuple(file for file in files if file is not None),
        hub_version_id=version_id,
        base_model=text(answer.get("baseModel")),
        trigger_words=texts(answer.get("trainedWords")),
    )


def narrowed(model: Model, *, version: str | None, file: str | None) -> Model:
    """The model with only this version and this file; without versions if it has no such thing."""
    versions = tuple(
        replace(found, files=tuple(one for one in found.files if one.hub_file_id == file))
        if file is not None
        else found
        for found in model.versions
        if version is None or found.hub_version_id == version
    )
    if file is not None:
        versions = tuple(found for found in versions if found.files)
    return replace(model, versions=versions)


def exact_bytes(size_kb: object) -> int | None:
    """Bytes, if the number of KiB is exact; None if it was rounded.

    Old rows hold whole numbers and documents two decimals; both are rounded. A true length has
    up to ten decimals.

    Example:
        >>> exact_bytes(2082868.35546875), exact_bytes(6775430.35), exact_bytes(4265384)
        (2132857196, None, None)
    """
    if isinstance(size_kb, bool) or not isinstance(size_kb, (int, float)):
        return None
    if not 0 < size_kb < 2**50 or round(size_kb, 2) == size_kb:
        return None
    count = size_kb * _BYTES_PER_KIB
    # The dump of 2023 kept 16 digits, which is a hair less than such a number has.
    return round(count) if abs(count - round(count)) < 1e-4 else None  # noqa: PLR2004 -- bytes


def _file(
    answer: Object,
    model_id: str,
    version_id: str,
    kind: str,
    *,
    inpainting: bool,
    gated: str | None,
) -> ModelFile | None:
    name = text(answer.get("name"))
    file_id = number_id(answer.get("id"))
    if name is None:
        return None
    about = obj(answer.get("metadata"))
    return ModelFile(
        name=name,
        role=_role(text(answer.get("type")), kind),
        variant=_variant(name, about),
        size_bytes=exact_bytes(answer.get("sizeKB")),
        hashes=_hashes(obj(answer.get("hashes"))),
        sources=(Source(NAME, model=model_id, version=version_id, file=file_id),),
        hub_file_id=file_id,
        is_primary=answer.get("primary") is True,
        inpainting=inpainting or names.is_inpainting(name),
        detail=_detail(about),
        gated=gated,
        note=_scan_note(answer),
    )


def _role(label: str | None, kind: str) -> FileRole:
    if label is None:
        return FileRole.WEIGHTS
    if _ITSELF.get(label) == kind:
        return FileRole.WEIGHTS
    return _ROLES.get(label, FileRole.OTHER)


def _variant(name: str, about: Object) -> Variant:
    guessed = names.variant_of(name)
    told = _FORMATS.get(text(about.get("format")) or "")
    # The suffix is what the file will be opened by; the uploader's word fills the gap.
    kind = guessed.format if guessed.format is not FileFormat.OTHER or told is None else told
    return Variant(
        kind,
        _PRECISIONS.get((text(about.get("fp")) or "").lower(), guessed.precision),
        _PRUNINGS.get((text(about.get("size")) or "").lower(), guessed.pruning),
    )


def _detail(about: Object) -> str | None:
    """Words about the variant that our own do not cover."""
    fp, quant = text(about.get("fp")), text(about.get("quantType"))
    words = (fp if fp is not None and fp.lower() not in _PRECISIONS else None, quant)
    return " ".join(word for word in words if word) or None


def _hashes(answer: Object) -> Hashes:
    found = []
    for label, kind in _HASHES.items():
        digits = text(answer.get(label))
        try:
            found.append(Hash(kind, digits or ""))
        except ValueError:
            continue  # documents print "A5F58EB1C33616..."
    return Hashes.collect(found)


def _scan_note(answer: Object) -> str | None:
    """What the hub's scanners say, where that is not simply "Success"."""
    notes = []
    for scan, label in (("virus", "virusScan"), ("pickle", "pickleScan")):
        result = text(answer.get(f"{label}Result"))
        if result is not None and result != "Success":
            message = text(answer.get(f"{label}Message"))
            notes.append(f"{scan} scan: {result}" + (f" ({message})" if message else ""))
    return "; ".join(notes) or None


def _gated(answer: Object) -> str | None:
    usage = text(answer.get("usageControl"))
    if usage is not None and usage != "Download":
        return SITE_ONLY
    ends = text(answer.get("earlyAccessEndsAt"))
    if text(answer.get("availability")) == "EarlyAccess":
        return f"early access until {ends}" if ends else "early access"
    return None


def _permissions(answer: Object) -> tuple[tuple[str, str], ...]:
    told = [
        (name, "yes" if answer[name] else "no")
        for name in _PERMISSIONS
        if isinstance(answer.get(name), bool)
    ]
    if answer.get("allowCommercialUse") is not None:
        told.append(("allowCommercialUse", ", ".join(_uses(answer["allowCommercialUse"]))))
    return tuple(told)


def _uses(value: object) -> tuple[str, ...]:
    """``"Sell"``, ``["Image", "Rent"]`` or ``"{Image,Rent}"``; nothing allowed is ``None``."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        value = list(value[1:-1].split(","))
    return texts(value) or ("None",)


def _base(versions: tuple[ModelVersion, ...]) -> str | None:
    """What most of all the newest version is made for."""
    for version in versions:
        if version.base_model is not None:
            slug = architecture_from_label(NAME, version.base_model)
            return None if slug == "unknown" else slug
    return None


def _trigger_words(versions: tuple[ModelVersion, ...]) -> tuple[str, ...]:
    return next((version.trigger_words for version in versions if version.trigger_words), ())
