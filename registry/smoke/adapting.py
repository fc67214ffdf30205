"""Put an adapter into a checkpoint that is loaded: one function for each kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from registry.domain.smoke import Reason, SmokeTask
from registry.smoke import adapters
from registry.smoke.memory import ran_out
from registry.smoke.painter import Painter, Words
from registry.smoke.recognise import shapes_in
from registry.smoke.steering import Hypernetwork, can_read, load_controlnet, steer_by
from registry.smoke.untestable import CannotTry

Steer = Callable[[int], Callable[..., dict[str, Any]]]
"""Given the size of the picture, what is called in every step."""

# The form of cloneofsimo/lora, from before kohya's names.
_NUMBERED = re.compile(r"(unet|text_encoder):\d+:(up|down)")
_PROMPT_BEGINS = (320, 1125, 539)
_LONGEST_EMBEDDING = 72


@dataclass(frozen=True, slots=True)
class PutIn:
    """What became of an adapter: what is wrong with it, else how to paint with it.

    Attributes:
        words: What the network is told.
        reasons: What is wrong with it.
        left_out: What of it is not tried; no fault of it.
        is_read_whole: Whether all that the base has a place for is understood here.
        figures: How much of it fits.
        steer: What is called in every step.
    """

    words: Words
    reasons: tuple[Reason, ...] = ()
    left_out: tuple[Reason, ...] = ()
    is_read_whole: bool = True
    figures: dict[str, float] = field(default_factory=dict)
    steer: Steer | None = None


def put_lora(painter: Painter, task: SmokeTask, _: Path) -> PutIn:
    """A LoRA or one of its relatives: how many of its names fit is told."""
    tensors = load_file(task.target)
    if any(_NUMBERED.fullmatch(name) for name in tensors):
        message = "it names its modules by their number, as the first LoRAs did: not read here"
        raise CannotTry("kind-not-testable", message)
    names = adapters.module_names(painter.unet, painter.text, painter.build)
    found = adapters.fit(tensors, names)
    count = len(found.deltas) + len(found.unknown) + len(found.bent) + len(found.unread)
    figures = {"modules": float(count), "modules_that_fit": float(len(found.deltas))}
    reason = None
    if found.bent:
        message = (
            f"{len(found.bent)} of {count} modules have another shape in this base: "
            f"{found.bent[0]}; it was made for another architecture"
        )
        reason = Reason("wrong-base", message)
    elif not found.deltas and found.unread:
        message = f"{found.unread[0]} is of a kind that is not read here"
        raise CannotTry("kind-not-testable", message)
    elif not found.deltas:
        message = f"none of its {count} names is in the base: {found.unknown[0]} is the first"
        reason = Reason("no-keys-match", message)
    elif len(found.unknown) > len(found.deltas) + len(found.unread):
        message = f"{len(found.unknown)} of its {count} names are not in the base"
        reason = Reason("keys-unmatched", f"{message}: {found.unknown[0]} is the first")
    else:
        adapters.apply(found)
    words = painter.encode(task.clip_skip or 1)
    if reason is not None:
        return PutIn(words, (reason,), figures=figures)
    return PutIn(
        words,
        left_out=tuple(_left_out(found, count)),
        is_read_whole=not found.unread,
        figures=figures,
    )


def _left_out(found: adapters.Fit, count: int) -> Iterator[Reason]:
    ways = (
        (found.unread, "modules are left out, of a kind that is not read here"),
        (found.unknown, "names are left out, for they are not in the base"),
    )
    for names, words in ways:
        if names:
            message = f"{len(names)} of its {count} {words}: {names[0]} is the first"
            yield Reason("partly-tried", message)


def put_embedding(painter: Painter, task: SmokeTask, _: Path) -> PutIn:
    """Give the text encoders the vectors as new words, and a prompt with them in it."""
    vectors = list(adapters.pieces(load_file(task.target)))
    widths = {part.config.hidden_size: part for _, part in painter.text}
    unfit = [vector.shape[1] for vector in vectors if vector.shape[1] not in widths]
    if not vectors or unfit:
        reason = Reason("no-vectors", "it holds no vectors")
        if unfit:
            message = (
                f"its vectors are {unfit[0]} wide, and the text encoders of the base "
                f"{' and '.join(map(str, widths))}: it was made for another architecture"
            )
            reason = Reason("wrong-width", message)
        return PutIn(painter.encode(), (reason,))
    most = max(len(vector) for vector in vectors)
    given = {vector.shape[1]: vector.float() for vector in vectors}
    for width, part in widths.items():
        # Every encoder gets as many words, so that their numbers agree.
        rows = torch.zeros((most, width))
        if (vector := given.get(width)) is not None:
            rows[: len(vector)] = vector
        table = part.get_input_embeddings()
        first = len(table.weight)
        table.weight = torch.nn.Parameter(
            torch.cat([table.weight, rows.to(table.weight.device, table.weight.dtype)]),
            requires_grad=False,
        )
    shown = range(first, first + min(most, _LONGEST_EMBEDDING))
    return PutIn(painter.encode(task.clip_skip or 1, tokens=(*_PROMPT_BEGINS, *shown)))


def put_hypernetwork(painter: Painter, task: SmokeTask, _: Path) -> PutIn:
    """Put its small networks in front of the attention that fits."""
    network = Hypernetwork(task.target)
    words = painter.encode(task.clip_skip or 1)
    if not can_read(network.activation):
        message = f"its activation {network.activation!r} is not known here"
        raise CannotTry("kind-not-testable", message)
    count = network.attach(painter.unet)
    if count == 0:
        message = (
            f"no attention of the base reads {' or '.join(map(str, network.widths)) or 'it'}: "
            "it was made for another architecture"
        )
        return PutIn(words, (Reason("wrong-base", message),))
    return PutIn(words, figures={"attentions_that_fit": float(count)})


def put_controlnet(painter: Painter, task: SmokeTask, folder: Path) -> PutIn:
    """Let it read a made-up picture beside the painter."""
    words = painter.encode(task.clip_skip or 1)
    if painter.build.is_xl and any("zero_convs." in name for name in shapes_in(task.target)):
        message = "an SDXL ControlNet with the names of the original files is not read here"
        raise CannotTry("kind-not-testable", message)
    try:
        network = load_controlnet(task.target, painter, folder)
    except (ValueError, RuntimeError) as error:
        if ran_out(error):
            raise
        first = str(error).strip().splitlines()[0][:200]
        message = f"it does not fit the base, or is not whole: {first}"
        return PutIn(words, (Reason("wrong-base", message),))
    return PutIn(words, steer=lambda size: steer_by(network, size))


PUT_IN: Mapping[str, Callable[[Painter, SmokeTask, Path], PutIn]] = {
    "lora": put_lora,
    "lycoris": put_lora,
    "embedding": put_embedding,
    "hypernetwork": put_hypernetwork,
    "controlnet": put_controlnet,
}
