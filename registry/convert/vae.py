"""Put the VAE of another file into a checkpoint. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.convert.ballast import Replaced
from registry.convert.naming import Named
from registry.errors import CannotConvert

_PLACE = "first_stage_model."
# Training leaves its loss and its averages beside a VAE; A1111 skips them too (modules/sd_vae.py).
_NOT_OF_THE_VAE = ("loss", "model_ema.")


@dataclass(frozen=True, slots=True)
class Baked:
    """Which tensors of the checkpoint come from where.

    Attributes:
        kept: Those of the checkpoint that stay.
        taken: Those of the VAE, under their names in the checkpoint.
        replaced: The names that had other values before.
        left: Parts of the checkpoint's own VAE that the new one does not have.
    """

    kept: tuple[Named, ...]
    taken: tuple[Named, ...]
    replaced: tuple[Replaced, ...]
    left: tuple[str, ...]


def bake(model: Sequence[Named], vae: Sequence[Named], *, file: str, vae_file: str) -> Baked:
    """Let the tensors of a VAE take the place of a checkpoint's own.

    As in A1111's merger, only names that the checkpoint has are filled; one without any VAE gets
    the whole.

    Raises:
        CannotConvert: The VAE has no tensor that belongs there, or one of another shape.
    """
    own = {each.name: each for each in model if each.name.startswith(_PLACE)}
    offered = {_place(each.name): each for each in vae if not each.name.startswith(_NOT_OF_THE_VAE)}
    if not own:
        offered = {name: each for name, each in offered.items() if _is_of_a_vae(name)}
    taken = {name: each for name, each in offered.items() if not own or name in own}
    if not taken:
        because = f"{vae_file} has no tensor of a VAE in the form that checkpoints use"
        raise CannotConvert(file, because)
    for name, each in taken.items():
        if name in own and own[name].tensor.shape != each.tensor.shape:
            shapes = f"{each.tensor.shape} in {vae_file} and {own[name].tensor.shape} here"
            raise CannotConvert(file, f"{name} has the shape {shapes}")
    return Baked(
        kept=tuple(each for each in model if each.name not in taken),
        taken=tuple(Named(name, each.tensor) for name, each in taken.items()),
        replaced=tuple(Replaced(name, vae_file) for name in taken if name in own),
        left=tuple(name for name in own if name not in taken),
    )


def _place(name: str) -> str:
    return name if name.startswith(_PLACE) else _PLACE + name


def _is_of_a_vae(name: str) -> bool:
    parts = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
    return name.removeprefix(_PLACE).startswith(parts)
