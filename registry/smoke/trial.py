"""Try one model: load it, paint with it, and say what came of it; inside the child only."""

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from registry.domain.smoke import Reason, SmokeResult, SmokeTask
from registry.smoke.adapting import PUT_IN, Steer
from registry.smoke.devices import Device, NoSuchDevice, choose_device
from registry.smoke.infotext import infotext, painted_by
from registry.smoke.judge import (
    judge_difference,
    judge_latents,
    judge_picture,
    perceptual_hash,
)
from registry.smoke.memory import too_little_memory
from registry.smoke.painter import GUIDANCE, PROMPT, Painter, Picture, Words
from registry.smoke.recognise import build_of, shapes_in
from registry.smoke.untestable import CannotTry
from registry.smoke.upscaler import enlarge
from registry.smoke.vae import round_trip

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from registry.smoke.painter import Array

    Stage = Callable[[str], AbstractContextManager[None]]

_SMALL, _SMALL_STEPS = 64, 2
_LARGE, _LARGE_STEPS = 512, 8
_VERSIONS = ("torch", "diffusers", "transformers", "safetensors")


def try_model(task: SmokeTask, stage: "Stage", folder: Path) -> SmokeResult:
    """Carry out a task.

    Args:
        task: What to try.
        stage: Tells what is being done.
        folder: Empty, for configurations.
    """
    if task.threads:
        torch.set_num_threads(task.threads)
    try:
        device = choose_device(task.device)
    except NoSuchDevice as error:
        return SmokeResult("untestable", (Reason("no-device", str(error)),))
    short = too_little_memory(task, device.dtype.itemsize)
    if short is not None:
        return SmokeResult("untestable", (short,), device=device.name, dtype=device.dtype_name)
    size, steps = (_LARGE, _LARGE_STEPS) if device.is_quick else (_SMALL, _SMALL_STEPS)
    frame = SmokeResult(
        "passed",
        device=device.name,
        dtype=device.dtype_name,
        steps=steps,
        size=(size, size),
        seed=task.seed,
        versions={name: importlib.metadata.version(name) for name in _VERSIONS},
    )
    try:
        with torch.no_grad():
            return _tried(task, device, frame, stage, folder)
    except CannotTry as error:
        return replace(frame, verdict="untestable", reasons=(error.reason,))


def _tried(
    task: SmokeTask, device: Device, frame: SmokeResult, stage: "Stage", folder: Path
) -> SmokeResult:
    if task.model_type == "checkpoint":
        return _checkpoint(task, device, frame, stage, folder)
    if task.model_type == "vae":
        with stage("paint"):
            made, figures = round_trip(task.target, device, folder, frame.size or (0, 0))
        return _judged(replace(frame, steps=None, figures=figures), task, made)
    if task.model_type == "upscaler":
        with stage("enlarge"):
            made, figures = enlarge(task.target, device, _SMALL)
        side = made.pixels.shape[0]
        return _judged(replace(frame, steps=None, size=(side, side), figures=figures), task, made)
    if task.model_type in PUT_IN:
        return _adapter(task, device, frame, stage, folder)
    message = f"sdreg cannot try a model of the type {task.model_type} yet"
    raise CannotTry("type-not-testable", message)


def _checkpoint(
    task: SmokeTask, device: Device, frame: SmokeResult, stage: "Stage", folder: Path
) -> SmokeResult:
    with stage("load"):
        painter = _painter(task.target, task, device, folder)
    if missing := painter.missing():
        message = f"{len(missing)} weights are not in the file, the first is {missing[0]}"
        return replace(frame, verdict="failed", reasons=(Reason("missing-tensors", message),))
    with stage("paint"):
        painter.settle()
        picture = _paint(painter, task, frame, painter.encode(task.clip_skip or 1))
    return _judged(frame, task, picture)


def _adapter(
    task: SmokeTask, device: Device, frame: SmokeResult, stage: "Stage", folder: Path
) -> SmokeResult:
    if task.base is None:
        raise CannotTry(
            "no-base", f"a {task.model_type} is tried on a checkpoint: name one by --base"
        )
    with stage("load"):
        try:
            painter = _painter(task.base, task, device, folder)
        except (OSError, ValueError, KeyError) as error:
            raise CannotTry("bad-base", f"the base does not load: {error}") from error
    if missing := painter.missing():
        raise CannotTry("bad-base", f"the base is not whole: {missing[0]} is not in it")
    with stage("paint without"):
        painter.settle()
        words = painter.encode(task.clip_skip or 1)
        without = _paint(painter, task, frame, words)
    reasons, _ = judge_latents(without.latents)
    if reasons:
        raise CannotTry("bad-base", f"the base does not paint: {reasons[0].message}")
    with stage("put in"):
        put = PUT_IN[task.model_type](painter, task, folder)
    frame = replace(frame, figures=put.figures)
    if put.reasons:
        return replace(frame, verdict="failed", reasons=put.reasons)
    with stage("paint with"):
        picture = _paint(painter, task, frame, put.words, put.steer)
    effect, figures = judge_difference(without.latents, picture.latents, task.model_type)
    if effect and not put.is_read_whole:
        message = f"what is read of it changes nothing; {put.left_out[0].message}"
        raise CannotTry("kind-not-testable", message)
    judged = _judged(replace(frame, figures=frame.figures | figures), task, picture)
    reasons = (*judged.reasons, *effect)
    verdict = "failed" if reasons else "passed"
    return replace(judged, verdict=verdict, reasons=(*reasons, *put.left_out))


def _painter(path: Path, task: SmokeTask, device: Device, folder: Path) -> Painter:
    build = build_of(shapes_in(path))
    if build is None or not build.vae or not build.text:
        raise CannotTry(
            "unknown-layout", f"{path.name} is no whole Stable Diffusion that is known here"
        )
    return Painter(path, build, device, folder, task.prediction)


def _paint(
    painter: Painter, task: SmokeTask, frame: SmokeResult, words: Words, steer: Steer | None = None
) -> Picture:
    nothing = painter.encode(task.clip_skip or 1, tokens=())
    size, _ = frame.size or (_SMALL, _SMALL)
    return painter.paint(
        words,
        nothing,
        seed=task.seed,
        steps=frame.steps or 1,
        size=size,
        steer=steer(size) if steer is not None else None,
    )


def _judged(frame: SmokeResult, task: SmokeTask, picture: Picture) -> SmokeResult:
    """The verdict, with the picture on the disk."""
    reasons, figures = judge_latents(picture.latents)
    seen, more = judge_picture(picture.pixels)
    if not reasons:  # of bad latents no picture can come
        reasons = seen
    try:
        _save(picture.pixels, task, frame)
    except OSError as error:  # a full disk is no fault of the model
        raise CannotTry("cannot-write", f"{task.picture}: {error}") from error
    return replace(
        frame,
        verdict="failed" if reasons else "passed",
        reasons=reasons,
        figures=frame.figures | figures | more,
        picture=task.picture,
        picture_hash=perceptual_hash(picture.pixels),
    )


def _save(pixels: "Array", task: SmokeTask, frame: SmokeResult) -> None:
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 -- comes with diffusers

    words = PngImagePlugin.PngInfo()
    if frame.steps is not None and frame.size is not None:  # else no prompt made it
        painted = painted_by(task, PROMPT, steps=frame.steps, guidance=GUIDANCE, size=frame.size)
        words.add_itxt("parameters", infotext(painted))
    steps = (np.nan_to_num(np.clip(pixels, 0, 1)) * 255).round().astype(np.uint8)
    task.picture.parent.mkdir(parents=True, exist_ok=True)
    draft = task.picture.with_suffix(".draft")
    Image.fromarray(steps).save(draft, format="PNG", pnginfo=words)
    draft.replace(task.picture)
