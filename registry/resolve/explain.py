"""A choice in sentences: why this file, and why not the others."""

from registry.domain.model import ModelFile
from registry.domain.variant import FileFormat, Pruning
from registry.resolve.candidate import Candidate, Choice
from registry.resolve.rank import PRUNED_TYPES


def name_of(file: ModelFile) -> str:
    """The file's name with what tells it from another of the same name."""
    mark = file.hub_file_id or (str(file.id) if file.id is not None else None)
    return f"{file.name} (id {mark})" if mark else file.name


def why_chosen(candidate: Candidate, model_type: str) -> tuple[str, ...]:
    """Sentences about the chosen file of a model of this type."""
    file = candidate.file
    said: list[str] = []
    match file.variant.format:
        case FileFormat.SAFETENSORS:
            said.append("It is safetensors, which cannot run code.")
        case FileFormat.PICKLE:
            said.append("It is a pickle: sdreg never opens it; safetensors would be safer.")
        case other:
            said.append(f"It is {other}.")
    if file.variant.precision:
        said.append(f"Its weights are {file.variant.precision}.")
    if model_type in PRUNED_TYPES and file.variant.pruning in _PRUNING_WORDS:
        said.append(_PRUNING_WORDS[file.variant.pruning])
    if file.hashes.sha256:
        said.append("Its SHA-256 is known beforehand, so the download can be proven.")
    else:
        said.append("No hash of it is known beforehand: the hub must vouch for it.")
    return tuple(said)


_PRUNING_WORDS = {
    Pruning.PRUNED: "It is pruned: only what making pictures needs.",
    Pruning.EMA_ONLY: "It holds the EMA weights only: what making pictures needs.",
    Pruning.FULL: "It is full: it may hold more than making pictures needs.",
}


def explain(choice: Choice) -> tuple[str, ...]:
    """The whole choice, line by line. Names in it are the publishers' words as they are."""
    lines: list[str] = []
    if choice.chosen:
        chosen = choice.chosen
        lines.append(f"{choice.model.slug}: {name_of(chosen.file)} of {chosen.version.name}")
        lines += [f"  {sentence}" for sentence in why_chosen(chosen, choice.model.type)]
    else:
        lines.append(f"{choice.model.slug}: no file fits")
    if choice.rejected:
        lines.append("not taken:")
        lines += [
            f"  {name_of(no.file)} of {no.version.name}: {no.because}" for no in choice.rejected
        ]
    return tuple(lines)
