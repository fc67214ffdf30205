"""The main job from end to end, with the real engine: what `sdreg demo` walks through.

Nothing is faked but the hub's address: the catalog, the store, the transfers and the proofs are
those of every other command, in a home of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.api import Registry
from registry.demo.catalog_file import write_catalog
from registry.demo.hosted import published
from registry.demo.hub import EmbeddedHub
from registry.demo.small_models import build
from registry.domain.audit import FindingKind
from registry.domain.install import Install
from registry.domain.pieces import PIECE_BYTES
from registry.domain.progress import Progress
from registry.resolve.explain import explain
from registry.settings import Settings

CHECKPOINT, LORA = "demo-diffusion", "demo-ink-lora"


@dataclass(frozen=True, slots=True)
class Scene:
    """One step of the story.

    Attributes:
        title: What happens.
        command: What a user would type.
        says: What came of it, in lines.
        ok: Whether it went as it should.
    """

    title: str
    command: str
    says: tuple[str, ...]
    ok: bool


def play(folder: Path, progress: Progress) -> Iterator[Scene]:
    """Play the story in `folder`, one scene at a time.

    Args:
        folder: An empty folder; the home lies in ``home``, what the hub serves in ``hub``.
        progress: Hears about transfers.

    Raises:
        SdregError: Something does not work on this machine; the message says what.
    """
    models = build(folder / "hub")
    hosted = published(models)
    with EmbeddedHub(hosted) as hub:
        settings = Settings(
            home=folder / "home",
            civitai_url=hub.address,
            hf_endpoint=hub.address,
            uis=(("comfyui", folder / "ComfyUI"),),
        )
        (folder / "ComfyUI").mkdir()
        registry = Registry(settings)
        yield _catalog(registry, write_catalog(folder / "demo-catalog.json", models, hosted))
        yield _why(registry)
        yield _install_with_a_cut(registry, hub, progress)
        yield _install_again(registry)
        yield _install_from_a_mirror(registry, hub, progress)
        yield _list(registry)
        yield _verify(registry, progress, "Check every byte that is installed")
        yield _damage(registry)
        yield _find_the_damage(registry, progress)
        yield _repair(registry, progress)
        yield _verify(registry, progress, "Check again")


def _catalog(registry: Registry, file: Path) -> Scene:
    before = registry.catalog.models.count()
    outcome = registry.catalog_add(file)
    return Scene(
        "Make a catalog: it fills itself with known models, and takes in a file of ours",
        f"sdreg catalog add {file.name}",
        (f"{before} models were known, {outcome.added} added",),
        ok=outcome.added > 0,
    )


def _why(registry: Registry) -> Scene:
    choice = registry.why(CHECKPOINT)
    taken = choice.chosen is not None and choice.chosen.file.name.endswith(".safetensors")
    return Scene(
        "Ask which of its files is the right one",
        f"sdreg why {CHECKPOINT}",
        explain(choice),
        ok=taken,
    )


def _install_with_a_cut(registry: Registry, hub: EmbeddedHub, progress: Progress) -> Scene:
    plan = registry.plan_install(CHECKPOINT)
    name = plan.steps[0].candidate.file.name
    hub.damage(name, cut_at=2 * PIECE_BYTES)
    done = registry.install(plan, progress=progress).files[0]
    says = (
        "the connection was cut on the way, and the transfer went on",
        f"{done.install.file_name}: {done.blob.size_bytes:,} bytes, sha256 {done.blob.sha256}",
        *(f"{link.layout}: {link.path} ({link.method})" for link in done.install.links),
    )
    return Scene(
        "Install it: fetch, prove, store, link",
        f"sdreg install {CHECKPOINT}",
        says,
        ok=done.install.proven and len(done.install.links) == len(registry.rooms.targets),
    )


def _install_again(registry: Registry) -> Scene:
    done = registry.install(CHECKPOINT).files[0]
    says = (f"{done.status.replace('-', ' ')}: nothing was fetched",)
    return Scene(
        "Install it a second time", f"sdreg install {CHECKPOINT}", says, done.status == _PRESENT
    )


_PRESENT = "already-installed"


def _install_from_a_mirror(registry: Registry, hub: EmbeddedHub, progress: Progress) -> Scene:
    first, *others = registry.show(LORA).versions[0].files[0].sources
    hub.take_down(str(first))
    done = registry.install(LORA, progress=progress).files[0]
    return Scene(
        "Install a LoRA whose first source has gone",
        f"sdreg install {LORA}",
        (f"{first} is gone; the same bytes came from {done.install.source}",),
        ok=done.install.source in {str(source) for source in others},
    )


def _list(registry: Registry) -> Scene:
    models = registry.list(installed=True)
    says = tuple(
        f"{model.slug}: {model.type}, {model.base}, says {', '.join(model.trigger_words)}"
        for model in models
    )
    slugs = {model.slug for model in models}
    return Scene(
        "List what is installed", "sdreg list --installed", says, slugs == {CHECKPOINT, LORA}
    )


def _verify(registry: Registry, progress: Progress, title: str) -> Scene:
    report = registry.verify(progress=progress)
    says = (f"{len(report.checked)} files, {report.read_bytes:,} bytes, nothing wrong",)
    found = tuple(finding.message for finding in report.findings)
    return Scene(title, "sdreg verify", found or says, ok=not found)


def _damage(registry: Registry) -> Scene:
    """Turn one bit in the middle of the stored checkpoint, as a failing disk would."""
    install = _installed(registry)
    path = registry.rooms.store.path_of(install.sha256)
    at = install.size_bytes // 2
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at)
        (old,) = file.read(1)
        file.seek(at)
        file.write(bytes([old ^ 1]))
    path.chmod(0o444)
    return Scene(
        "Damage it: one bit turns over, as on a failing disk",
        "(we do this by hand)",
        (f"byte {at:,} of {install.file_name} is wrong now; its size and name are as before",),
        ok=True,
    )


def _find_the_damage(registry: Registry, progress: Progress) -> Scene:
    findings = registry.verify(progress=progress).findings
    piece = _installed(registry).size_bytes // 2 // PIECE_BYTES
    found = bool(findings) and all(
        finding.kind is FindingKind.ROT and finding.pieces == (piece,) for finding in findings
    )
    return Scene(
        "Check again: the damaged piece is found",
        f"sdreg verify {CHECKPOINT}",
        tuple(f"{finding.kind}: {finding.message}" for finding in findings),
        ok=found,
    )


def _repair(registry: Registry, progress: Progress) -> Scene:
    report = registry.repair([CHECKPOINT], progress=progress)
    says = [
        f"repaired {done.fetched_bytes:,} of {done.install.size_bytes:,} bytes from {done.source}"
        for done in report.mended
    ]
    says += [f"not repaired: {failure.because}" for failure in report.failed]
    by_piece = [done.fetched_bytes <= PIECE_BYTES for done in report.mended]
    return Scene(
        "Repair it: only the damaged piece is fetched",
        f"sdreg repair {CHECKPOINT}",
        tuple(says),
        ok=by_piece == [True],
    )


def _installed(registry: Registry) -> Install:
    return registry.installed(CHECKPOINT)[0]
