"""What a picture and its latents show: decisions over arrays, without torch and without I/O.

A smoke test cannot say whether a picture is good. It says whether one came at all: numbers, not
NaN; a picture, not one colour; something that hangs together, not white noise; and a difference,
where an adapter was put in.
"""

from typing import TYPE_CHECKING

import numpy as np

from registry.domain.smoke import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Figures = dict[str, float]
    Judgement = tuple[tuple[Reason, ...], Figures]

# Latents of Stable Diffusion are scaled to a spread of about 1 (Rombach et al. 2022, section G).
_LEAST_SPREAD, _LARGEST_SPREAD = 1e-3, 1e3
_LEAST_CONTRAST = 1.0
_BLACK = 2.0
# Neighbouring pixels of white noise have a correlation of 0, those of photographs more than 0.9.
_NOISE_CORRELATION = 0.1
# Two runs of one model on one device give the same bits; rounding in another order does not.
SAME_DIFFERENCE, CLOSE_DIFFERENCE = 1e-4, 0.05
_HASH_SIDE = 8
_CLOSE_BITS = 6


def judge_latents(latents: "NDArray[np.float32]") -> "Judgement":
    """What is wrong with latents, and their moments: `latent_mean`, `latent_std`."""
    bad = int(np.count_nonzero(~np.isfinite(latents)))
    if bad:
        message = f"{bad:,} of {latents.size:,} latents are no numbers: every picture will be black"
        return (Reason("nan-latents", message),), {}
    figures = {"latent_mean": float(latents.mean()), "latent_std": float(latents.std())}
    spread = figures["latent_std"]
    if spread < _LEAST_SPREAD:
        return (
            Reason("constant-latents", f"the latents are all alike (spread {spread:.2g})"),
        ), figures
    if spread > _LARGEST_SPREAD:
        message = f"the latents explode: their spread is {spread:.3g}, and should be about 1"
        return (Reason("exploding-latents", message),), figures
    return (), figures


def judge_picture(picture: "NDArray[np.float32]") -> "Judgement":
    """What is wrong with a picture of values from 0 to 1, of the shape height × width × 3.

    Figures: `mean` and `contrast` (standard deviation) in steps of 1/255, `neighbours`: the
    correlation of pixels side by side and one above the other.
    """
    bad = int(np.count_nonzero(~np.isfinite(picture)))
    if bad:
        message = f"{bad:,} of {picture.size:,} values of the picture are no numbers"
        return (Reason("nan-pixels", message),), {}
    steps = np.clip(picture, 0, 1).astype(np.float64) * 255
    figures = {
        "mean": float(steps.mean()),
        "contrast": float(steps.std()),
        "neighbours": _correlation(steps),
    }
    if figures["mean"] < _BLACK and figures["contrast"] < _LEAST_CONTRAST:
        return (Reason("black-picture", "the picture is black"),), figures
    if figures["contrast"] < _LEAST_CONTRAST:
        message = f"the picture is one colour (contrast {figures['contrast']:.2f} of 255)"
        return (Reason("constant-picture", message),), figures
    if figures["neighbours"] < _NOISE_CORRELATION:
        message = (
            f"the picture is white noise: neighbours correlate by {figures['neighbours']:.2f}, "
            "in photographs by more than 0.9"
        )
        return (Reason("noise", message),), figures
    return (), figures


def judge_difference(
    without: "NDArray[np.float32]", adapted: "NDArray[np.float32]", what: str
) -> "Judgement":
    """Whether an adapter changes what is painted: `difference`, relative to the latents' spread."""
    difference = relative_difference(without, adapted)
    figures = {"difference": difference}
    if difference <= SAME_DIFFERENCE:
        message = f"the {what} changes nothing: with it and without it the same picture comes"
        return (Reason("no-effect", message),), figures
    return (), figures


def relative_difference(one: "NDArray[np.float32]", other: "NDArray[np.float32]") -> float:
    """Root of the mean squared difference, in units of the spread of `one`."""
    spread = float(one.std()) or 1.0
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2))) / spread


def perceptual_hash(picture: "NDArray[np.float32]") -> str:
    """The difference hash of a picture, as 16 hexadecimal digits.

    Source: N. Krawetz, "Kind of Like That" (2013): grey, 9 × 8 cells, each compared with its
    right neighbour, row by row.
    """
    grey = np.nan_to_num(np.clip(picture, 0, 1)) @ np.array([0.299, 0.587, 0.114])
    rows = np.array_split(np.arange(grey.shape[0]), _HASH_SIDE)
    columns = np.array_split(np.arange(grey.shape[1]), _HASH_SIDE + 1)
    cells = np.array([[grey[np.ix_(row, column)].mean() for column in columns] for row in rows])
    bits = (cells[:, 1:] > cells[:, :-1]).flatten()
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def compare(before: "Figures", before_hash: str, now: "Figures", now_hash: str) -> str:
    """How a run compares with an earlier one of the same seed and settings.

    Returns:
        ``same``: equal latents up to the fourth digit of their moments, and an equal picture;
        ``close``: another device or version rounds like this; ``changed``: the model, or what
        runs it, is not what it was.
    """
    bits = (int(before_hash, 16) ^ int(now_hash, 16)).bit_count()
    spread = before.get("latent_std") or 1.0
    apart = max(
        abs(now.get(name, 0.0) - before.get(name, 0.0)) / spread
        for name in ("latent_mean", "latent_std")
    )
    if bits == 0 and apart <= SAME_DIFFERENCE:
        return "same"
    return "close" if bits <= _CLOSE_BITS and apart <= CLOSE_DIFFERENCE else "changed"


def _correlation(steps: "NDArray[np.float64]") -> float:
    pairs = [(steps[:, :-1], steps[:, 1:]), (steps[:-1], steps[1:])]
    found = []
    for one, other in pairs:
        left, right = one - one.mean(), other - other.mean()
        scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
        found.append(float((left * right).sum()) / scale if scale else 1.0)
    return sum(found) / len(found)
