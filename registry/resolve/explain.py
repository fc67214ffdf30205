"""A choice in sentences: why this file, and why not the others."""

from registry.domain.model import ModelFile
from registry.domain.variant import FileFormat, Pruning
from registry.resolve.choose import Candidate, Choice


def name_of(file: ModelFile) -> str:
    """The file's name with what tells it from another of the same name."""
    mark = file.hub_file_id or (str(file.id) if file.id is not None else None)
    return f"{file.name} (id {mark})" if mark else file.name


def why_chosen(candidate: Candidate) -> tuple[str, ...]:
    """Sentences in favour of the chosen file."""
    file = candidate.file
    said: list[str] = []
    match file.variant.format:
        case FileFormat.SAFETENSORS:
            said.append("It is safetensors, which cannot run code.")
        case FileFormat.PICKLE:
            said.append("It is a pickle; no safetensors variant is known.")
        case other:
            said.append(f"It is {other}.")
    if file.variant.precision:
        said.append(f"Its weights are {file.variant.precision}.")
    match file.variant.pruning:
        case Pruning.PRUNED:
            said.append("It is pruned: only what making pictures needs.")
        case Pruning.EMA_ONLY:
            said.append("It holds the EMA weights only: what making pictures needs.")
        case Pruning.FULL:
            said.append("It is full: it holds more than making pictures needs.")
        case None:
            pass
    if file.hashes.sha256:
        said.append("Its SHA-256 is known beforehand, so the download can be proven.")
    else:
        said.append("No hash of it is known beforehand: the hub must vouch for it.")
    return tuple(said)


def explain(choice: Choice) -> str:
    """The whole choice as text of several lines."""
    lines: list[str] = []
    if choice.chosen:
        chosen = choice.chosen
        lines.append(f"{choice.model.slug}: {name_of(chosen.file)} of {chosen.version.name}")
        lines += [f"  {sentence}" for sentence in why_chosen(chosen)]
    else:
        lines.append(f"{choice.model.slug}: no file fits")
    if choice.rejected:
        lines.append("not taken:")
        lines += [
            f"  {name_of(no.file)} of {no.version.name}: {no.because}" for no in choice.rejected
        ]
    return "\n".join(lines)
