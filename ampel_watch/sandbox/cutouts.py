"""Image cutouts of simulated alerts: 63 × 63 pixels of about 1″, gzipped FITS as in real packets (20160 bytes)."""

import array
import gzip
import math
import sys
from random import Random

from ampel_watch.sandbox.physics import flux_of

SIDE_PX = 63
_BLOCK = 2880
_SIGMA_PX = 1.0
_FILES = {"cutoutScience": "targ_sci", "cutoutTemplate": "ref", "cutoutDifference": "targ_scimref"}
Image = list[float]


def draw_cutouts(
    candid: int, *, difference_mag: float, reference: tuple[float, float], limit_mag: float
) -> dict[str, tuple[str, bytes]]:
    """Science, template and difference of one alert, the same at every call.

    `difference_mag` is negative for a negative subtraction; `reference` is distance (″) and magnitude of the
    catalogued neighbour.
    """
    random = Random(candid)
    noise = flux_of(limit_mag) / 5 / (2 * _SIGMA_PX * math.sqrt(math.pi))
    dist, mag = reference
    angle = random.uniform(0, 2 * math.pi)
    template = _image(random, noise / 4, flux_of(mag), dist * math.cos(angle), dist * math.sin(angle))
    difference = _image(random, noise, math.copysign(flux_of(abs(difference_mag)), difference_mag), 0.0, 0.0)
    science = [a + b for a, b in zip(template, difference, strict=True)]
    images = {"cutoutScience": science, "cutoutTemplate": template, "cutoutDifference": difference}
    pid = candid // 1_000_000
    names = {key: f"candid{candid}_pid{pid}_{kind}.fits.gz" for key, kind in _FILES.items()}
    names["cutoutTemplate"] = f"candid{candid}_ref.fits.gz"
    return {key: (names[key], gzip.compress(fits(image), mtime=0)) for key, image in images.items()}


def _image(random: Random, noise: float, flux: float, x_px: float, y_px: float) -> Image:
    """A star of total `flux` at an offset from the centre, on noise."""
    half = SIDE_PX // 2
    across = [math.exp(-((i - half - x_px) ** 2) / 2 / _SIGMA_PX**2) for i in range(SIDE_PX)]
    along = [math.exp(-((i - half - y_px) ** 2) / 2 / _SIGMA_PX**2) for i in range(SIDE_PX)]
    height = flux / (2 * math.pi * _SIGMA_PX**2)
    return [height * b * a + random.gauss(0, noise) for b in along for a in across]


def fits(image: Image) -> bytes:
    """A FITS file of one 63 × 63 image in 32-bit floats (FITS Standard 4.0, §4 and §5)."""
    cards = (
        "SIMPLE  =                    T",
        "BITPIX  =                  -32",
        "NAXIS   =                    2",
        f"NAXIS1  = {SIDE_PX:20d}",
        f"NAXIS2  = {SIDE_PX:20d}",
        "END",
    )
    header = "".join(card.ljust(80) for card in cards).ljust(_BLOCK).encode("ascii")
    pixels = array.array("f", image)
    if sys.byteorder == "little":
        pixels.byteswap()
    data = pixels.tobytes()
    return header + data + bytes(-len(data) % _BLOCK)
