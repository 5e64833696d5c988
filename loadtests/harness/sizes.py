"""How large documents are: one size for all, or drawn from the sizes of real ones.

Rule kept here: a load has at most 64 different sizes, so that documents of one size can share a body's bulk; what is
rounded to get there keeps the number of bytes sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim import units
from sim.errors import InputError
from sim.units import Dimension

Ints = NDArray[np.int32]
DISTINCT_MAX: Final = 64
SIZE_MAX_BYTES: Final = 2**31 - 1
PDF_DECILES_BYTES: Final = (
    21_492, 50_792, 75_304, 106_181, 144_854, 245_946, 407_036, 493_739, 973_175, 1_872_706, 3_428_964,
)  # fmt: skip
"""Minimum, nine deciles and maximum of the sizes of 47 PDF files of govdocs1, documents crawled from .gov sites.

Source: ``payloads/govdocs1_sizes.csv`` of the shared data, from the openpreserve format-corpus; quantiles by linear
interpolation between order statistics. Bias: that corpus was put together for files that trouble readers, none above
4 MB was taken, and what was crawled by 2009 is no Vietnamese office's mail.
"""
_BINARY: Final = {"KiB": 1024, "MiB": 1024**2}
_BINARY_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(KiB|MiB)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sizes:
    """A distribution of document sizes.

    Args:
        text: As it was asked for.
        values_bytes: The sizes there are, each as likely as any other; ascending, at most 64.
    """

    text: str
    values_bytes: tuple[int, ...]

    @property
    def mean_bytes(self) -> float:
        """The expected size."""
        return sum(self.values_bytes) / len(self.values_bytes)

    def draw(self, count: int, rng: np.random.Generator) -> Ints:
        """Draw sizes independently of one another."""
        values = np.array(self.values_bytes, dtype=np.int32)
        if len(values) == 1:
            return np.full(count, values[0], dtype=np.int32)
        return values[(rng.random(count) * len(values)).astype(np.int64)]


def pdf() -> Sizes:
    """The sizes of real PDFs: the 64 middles of equally likely parts, log-linear between the deciles."""
    middles = (np.arange(DISTINCT_MAX) + 0.5) / DISTINCT_MAX
    known = np.linspace(0.0, 1.0, len(PDF_DECILES_BYTES))
    sizes = np.exp(np.interp(middles, known, np.log(PDF_DECILES_BYTES)))
    return Sizes("pdf", tuple(int(one) for one in np.rint(sizes)))


def parse(text: str) -> Sizes:
    """Read ``pdf``, or one size for all such as ``4 KiB``, ``246 kB``, ``1 MB``.

    Raises:
        InputError: ``E-SIZE``: neither, or not between 1 byte and 2 GiB.
    """
    if text.strip() == "pdf":
        return pdf()
    hint = "write pdf, or a number with its unit, such as 4 KiB, 246 kB or 1 MB"
    binary = _BINARY_SIZE.fullmatch(text)
    try:
        size = float(binary[1]) * _BINARY[binary[2]] if binary else units.read(text, Dimension.SIZE).value
    except InputError:
        raise InputError("E-SIZE", f"found {text!r} as the size of a document", hint) from None
    if not 1 <= size <= SIZE_MAX_BYTES:
        raise InputError("E-SIZE", f"found {text!r} as the size of a document", "from 1 B to 2 GiB")
    return Sizes(text.strip(), (round(size),))


def quantised(sizes_bytes: NDArray[np.generic], distinct: int = DISTINCT_MAX) -> Ints:
    """Round sizes to few different ones.

    The sorted sizes are cut into groups of equal number, and each becomes its group's mean: the sum is kept but for
    rounding to whole bytes. Equal sizes stay together.

    Args:
        sizes_bytes: At least 1 each.
        distinct: How many different ones there may be.
    """
    values, inverse, counts = np.unique(
        np.asarray(sizes_bytes, dtype=np.float64), return_inverse=True, return_counts=True
    )
    if len(values) > distinct:
        before = np.cumsum(counts) - counts
        group = (before * distinct) // counts.sum()
        bytes_of = np.bincount(group, weights=values * counts, minlength=distinct)
        number_of = np.bincount(group, weights=counts, minlength=distinct)
        values = bytes_of[group] / number_of[group]
    return np.clip(np.rint(values), 1, SIZE_MAX_BYTES).astype(np.int32)[inverse]
