"""Load a checkpoint and paint with it: the few lines of a sampler, each part in plain sight.

The words are always the same, so no tokenizer is needed: their numbers in CLIP's vocabulary are
known. The sampler is diffusers' Euler with guidance; the VAE makes a picture of the latents.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import diffusers
import torch

from registry.smoke.build import Build
from registry.smoke.configs import write_configs
from registry.smoke.devices import Device, free_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

PROMPT = "a photo of a cat"
_BEGIN, _END, _LENGTH = 49406, 49407, 77
_WORDS = (320, 1125, 539, 320, 2368)
GUIDANCE = 5.0
_LATENT_PIXELS = 8
_INPAINTING = 9


@dataclass(frozen=True, slots=True)
class Picture:
    """One painting: latents as they came, and the picture in values from 0 to 1, both unclipped."""

    latents: "Array"
    pixels: "Array"


@dataclass(frozen=True, slots=True)
class Words:
    """What the network is told: for every token, and pooled where it wants that."""

    tokens: torch.Tensor
    pooled: torch.Tensor | None


class Painter:
    """A checkpoint in memory.

    Args:
        path: A safetensors file.
        build: What it is built from.
        device: Where to run.
        folder: An empty folder for its configuration.
        prediction: What the network predicts.
    """

    def __init__(
        self, path: Path, build: Build, device: Device, folder: Path, prediction: str | None
    ) -> None:
        quieten()
        self.build, self.device = build, device
        self._all_fit = False  # until `settle` finds room
        kind = getattr(diffusers, write_configs(build, folder, prediction=prediction))
        names = ("tokenizer", "tokenizer_2") if build.is_xl else ("tokenizer",)
        pipe: Any = kind.from_single_file(
            str(path),
            config=str(folder),
            local_files_only=True,
            torch_dtype=device.dtype,
            **dict.fromkeys(names),
        )
        self.unet, self.vae, self.scheduler = pipe.unet, pipe.vae, pipe.scheduler
        self.text: list[tuple[str, Any]] = [
            (name, part)
            for name in ("text_encoder", "text_encoder_2")
            if (part := getattr(pipe, name, None)) is not None
        ]

    def missing(self) -> list[str]:
        """Names of weights that the file did not bring."""
        return [
            name
            for part in self._parts()
            for name, weight in part.named_parameters()
            if weight.is_meta
        ]

    def settle(self) -> None:
        """Bring the parts to the device, unless it is too small to hold them all at once."""
        free = free_bytes(self.device)
        needed = sum(w.numel() * w.element_size() for p in self._parts() for w in p.parameters())
        self._all_fit = free is None or needed * _ROOM < free
        if self._all_fit:
            for part in self._parts():
                part.to(self.device.name)

    def encode(self, clip_skip: int = 1, tokens: tuple[int, ...] = _WORDS) -> Words:
        """What the text encoders make of the prompt.

        Args:
            clip_skip: As A1111 counts: 1 is the last layer. It means something for SD 1 only: SD 2
                has no layer to skip, and SDXL always takes the last but one.
            tokens: Numbers of the words.
        """
        hidden, pooled = [], None
        for name, part in self.text:
            self._fetch(part)
            is_second = name == "text_encoder_2" or self.build.text[0].is_open_clip
            pad = 0 if is_second else _END
            ids = [_BEGIN, *tokens, _END]
            ids += [pad] * (_LENGTH - len(ids))
            told = part(torch.tensor([ids], device=self.device.name), output_hidden_states=True)
            if self.build.is_xl:
                hidden.append(told.hidden_states[-2])
                pooled = getattr(told, "text_embeds", pooled)
            else:
                skip = 1 if self.build.text[0].is_open_clip else clip_skip
                inner = getattr(part, "text_model", part)
                hidden.append(inner.final_layer_norm(told.hidden_states[-skip]))
            self._let_go(part)
        return Words(torch.cat(hidden, dim=-1), pooled)

    def paint(
        self,
        words: Words,
        nothing: Words,
        *,
        seed: int,
        steps: int,
        size: int,
        steer: Any = None,
    ) -> Picture:
        """Paint a square picture of `size` pixels.

        Args:
            words: What it shall show.
            nothing: What no words at all tell: the other end of the guidance.
            seed: Of the noise, which is drawn on the processor, so that every device has the same.
            steps: Of the sampler.
            size: In pixels, a multiple of 64.
            steer: Called with latents, time, words and what SDXL is told beside them; gives what
                a ControlNet adds.
        """
        side = size // _LATENT_PIXELS
        noise = torch.randn((1, 4, side, side), generator=torch.Generator().manual_seed(seed))
        self.scheduler.set_timesteps(steps)
        latents = noise.to(self.device.name) * self.scheduler.init_noise_sigma
        told = torch.cat([nothing.tokens, words.tokens])
        extra = self._extra(words, nothing, size)
        self._fetch(self.unet)
        for time in self.scheduler.timesteps:
            reads = self.scheduler.scale_model_input(torch.cat([latents] * 2), time)
            reads = reads.to(self.device.dtype)
            added = steer(reads, time, told, extra) if steer is not None else {}
            if self.build.reads == _INPAINTING:
                mask = torch.ones_like(reads[:, :1])
                reads = torch.cat([reads, mask, torch.zeros_like(reads)], dim=1)
            guess = self.unet(
                reads,
                time.to(self.device.name),
                encoder_hidden_states=told,
                added_cond_kwargs=extra,
                **added,
            ).sample.float()
            free, aimed = guess.chunk(2)
            guess = free + GUIDANCE * (aimed - free)
            latents = self.scheduler.step(guess, time, latents).prev_sample.float()
        self._let_go(self.unet)
        return Picture(_array(latents), self._decode(latents))

    def _decode(self, latents: torch.Tensor) -> "Array":
        # SDXL's VAE overflows in fp16 (its config says force_upcast).
        upcast = self.build.is_xl and self.device.dtype is torch.float16
        self._fetch(self.vae)
        if upcast:
            self.vae.to(torch.float32)
        latents = (latents / self.vae.config.scaling_factor).to(self.vae.dtype)
        pixels = self.vae.decode(latents).sample.float()
        self._let_go(self.vae)
        return _array((pixels / 2 + 0.5)[0].permute(1, 2, 0))

    def _extra(self, words: Words, nothing: Words, size: int) -> dict[str, torch.Tensor] | None:
        if words.pooled is None or nothing.pooled is None:
            return None
        pooled = torch.cat([nothing.pooled, words.pooled])
        count = (self.build.extra - pooled.shape[-1]) // _EXTRA_WIDTH
        # Size, crop, target size; the refiner takes a score in place of the target (SDXL, 2.2).
        numbers = [size, size, 0, 0, size, size] if count == _SIZES else [size, size, 0, 0, 6]
        sizes = torch.tensor([numbers] * 2, device=self.device.name, dtype=pooled.dtype)
        return {"text_embeds": pooled, "time_ids": sizes}

    def _parts(self) -> list[Any]:
        return [self.unet, self.vae, *(part for _, part in self.text)]

    def _fetch(self, part: Any) -> None:
        if not self._all_fit:
            part.to(self.device.name)

    def _let_go(self, part: Any) -> None:
        if not self._all_fit:
            part.to("cpu")


_ROOM = 1.3
_EXTRA_WIDTH, _SIZES = 256, 6


def _array(tensor: torch.Tensor) -> "Array":
    found: Array = tensor.detach().to("cpu", torch.float32).numpy()
    return found


def quieten() -> None:
    """Nothing but our own lines may be written."""
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
