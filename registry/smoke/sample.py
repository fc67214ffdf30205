"""A picture for a VAE to take apart and put together again."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def made_up(width: int, height: int) -> "NDArray[np.float32]":
    """A sky, a ground and a disk: edges, slopes and colours, in values from 0 to 1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    picture = np.stack([0.3 + 0.3 * x, 0.5 + 0.2 * y, 0.9 - 0.4 * y], axis=-1)
    picture[y > 0.7] = (0.2, 0.5, 0.2)  # noqa: PLR2004 -- the horizon
    picture[(x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.04] = (0.9, 0.7, 0.1)  # noqa: PLR2004
    return picture.astype(np.float32)
