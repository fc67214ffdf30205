"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from registry.api import Registry


def complete_models(incomplete: str) -> list[str]:
    """Names of models for the shell."""
    return list(Registry.open().names(incomplete))


def complete_types(incomplete: str) -> list[str]:
    """Types of models for the shell."""
    from registry.taxonomy.lookup import model_types

    return [name for name in sorted(model_types()) if name.startswith(incomplete)]


def complete_installed(incomplete: str) -> list[str]:
    """Names of installed models for the shell."""
    installs = Registry.open().installed()
    names = {install.slug or install.file_name for install in installs}
    return sorted(name for name in names if name.startswith(incomplete))


JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead; see docs/json.md.")
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A name (anything-v3), civitai:66@75+446, hf:owner/repo@rev:path, an AIR, an "
        "address, or sha256:…",
        autocompletion=complete_models,
    ),
]
ModelsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="Names (anything-v3), civitai:66@75+446, hf:owner/repo@rev:path, AIRs, addresses, "
        "or sha256:…",
        autocompletion=complete_models,
    ),
]
InstalledArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="Installed models; all of them if left out.",
        autocompletion=complete_installed,
    ),
]
PreferOption = Annotated[
    str | None, typer.Option("--prefer", help="Precision to take first: fp16, bf16, fp32, fp8.")
]
FullFlag = Annotated[
    bool | None, typer.Option("--full/--pruned", help="Full weights first, or pruned ones first.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Only this format: safetensors, pickle, gguf.")
]
FileOption = Annotated[
    str | None, typer.Option("--file", help="Exactly this file: its id, name or hash.")
]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Only this version: its name or id.")
]
PickleFlag = Annotated[
    bool | None,
    typer.Option("--allow-pickle", help="Take a pickle although no hash vouches for it."),
]
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type",
        help="A type of model: checkpoint, lora, embedding, vae, …",
        autocompletion=complete_types,
    ),
]


def pass_json_on(context: typer.Context, *, json: bool) -> None:
    """Let `sdreg config --json get KEY` mean what `sdreg config get KEY --json` means."""
    if context.invoked_subcommand is not None:
        context.default_map = {context.invoked_subcommand: {"json": json}}
